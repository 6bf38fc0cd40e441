//! A way to a server that a test can close, hold up, and cut after so many bytes.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
};

use sea_orm::sqlx::postgres::PgConnectOptions;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, split},
    net::{TcpListener, TcpStream, UnixStream},
    runtime::Builder,
    sync::watch,
};
use url::Url;

/// What becomes of connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// All bytes are passed on.
    Open,
    /// Connections are cut, and none is to be had.
    Closed,
    /// Connections stand, and nothing comes through.
    Silent,
}

/// Where bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// To the server.
    There,
    /// Back from it.
    Back,
}

/// Where the server is.
#[derive(Clone)]
enum Target {
    Tcp(String),
    Unix(PathBuf),
}

trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// What was passed on, and where it shall end.
#[derive(Default)]
struct Traffic {
    there: u64,
    back: u64,
    cut: Option<(Direction, u64)>,
}

impl Traffic {
    /// Counts bytes; how many of them go on, and whether the connection is cut behind them.
    fn pass(&mut self, direction: Direction, length: usize) -> (usize, bool) {
        let left = self.cut.filter(|(of, _)| *of == direction).map(|(_, left)| left);
        let length = u64::try_from(length).unwrap_or(u64::MAX);
        let goes_on = left.map_or(length, |left| left.min(length));
        match direction {
            Direction::There => self.there += goes_on,
            Direction::Back => self.back += goes_on,
        }
        let is_cut = left.is_some_and(|left| left <= length);
        if is_cut {
            self.cut = None;
        } else if let Some(left) = left {
            self.cut = Some((direction, left - goes_on));
        }
        (usize::try_from(goes_on).unwrap_or(usize::MAX), is_cut)
    }
}

/// A way to a server, on a thread of its own: it works while the test waits for something else. It ends with the value.
pub struct Proxy {
    address: SocketAddr,
    way: watch::Sender<Way>,
    traffic: Arc<Mutex<Traffic>>,
}

impl Proxy {
    /// An open way to the server at `host:port`.
    #[must_use]
    pub fn to(address: &str) -> Self {
        Self::start(Target::Tcp(address.to_owned()))
    }

    /// An open way to the PostgreSQL at this URL, and the URL through it.
    #[must_use]
    pub fn to_postgres(url: &str) -> (Self, String) {
        let options: PgConnectOptions = url.parse().unwrap_or_else(|error| panic!("a database URL: {error}"));
        let (host, port) = (options.get_host(), options.get_port());
        let directory = options.get_socket().cloned().or_else(|| host.starts_with('/').then(|| PathBuf::from(host)));
        let proxy = Self::start(match directory {
            Some(directory) => Target::Unix(directory.join(format!(".s.PGSQL.{port}"))),
            None => Target::Tcp(format!("{host}:{port}")),
        });
        let mut through = Url::parse(url).unwrap_or_else(|error| panic!("a database URL: {error}"));
        let is_place = |name: &str| matches!(name, "host" | "hostaddr" | "port");
        let others: Vec<_> = through.query_pairs().into_owned().filter(|(name, _)| !is_place(name)).collect();
        through.query_pairs_mut().clear().extend_pairs(others);
        let set = through.set_ip_host(proxy.address.ip()).and_then(|()| through.set_port(Some(proxy.address.port())));
        set.unwrap_or_else(|()| panic!("a database URL has no place for a host"));
        (proxy, through.into())
    }

    fn start(target: Target) -> Self {
        let (way, watched) = watch::channel(Way::Open);
        let traffic = Arc::<Mutex<Traffic>>::default();
        let shared = Arc::clone(&traffic);
        let (started, wait) = mpsc::channel();
        std::thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build();
            runtime.unwrap_or_else(|error| panic!("{error}")).block_on(serve(target, watched, shared, started));
        });
        let address = wait.recv().unwrap_or_else(|error| panic!("the proxy did not start: {error}"));
        Self { address, way, traffic }
    }

    /// The address to connect to.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Says what becomes of connections from now on.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Cuts the connection that carries this many bytes more, behind the last of them.
    pub fn cut_after(&self, direction: Direction, bytes: u64) {
        lock(&self.traffic).cut = Some((direction, bytes));
    }

    /// Whether a cut is still to come.
    #[must_use]
    pub fn will_cut(&self) -> bool {
        lock(&self.traffic).cut.is_some()
    }

    /// How many bytes were passed on, to the server and back.
    #[must_use]
    pub fn passed(&self) -> (u64, u64) {
        let traffic = lock(&self.traffic);
        (traffic.there, traffic.back)
    }
}

fn lock(traffic: &Mutex<Traffic>) -> MutexGuard<'_, Traffic> {
    traffic.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn bind(port: u16) -> TcpListener {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await;
    listener.unwrap_or_else(|error| panic!("port {port} of the proxy: {error}"))
}

/// Takes connections until nobody can say any more what becomes of them.
async fn serve(
    target: Target,
    mut way: watch::Receiver<Way>,
    traffic: Arc<Mutex<Traffic>>,
    started: mpsc::Sender<SocketAddr>,
) {
    let mut listener = bind(0).await;
    let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
    let _received = started.send(address);
    loop {
        tokio::select! {
            Ok((client, _)) = listener.accept() => {
                tokio::spawn(carry(client, target.clone(), way.clone(), Arc::clone(&traffic)));
            }
            changed = way.changed() => {
                if changed.is_err() {
                    return;
                }
                if *way.borrow_and_update() == Way::Closed {
                    drop(listener);
                    if way.wait_for(|way| *way != Way::Closed).await.is_err() {
                        return;
                    }
                    listener = bind(address.port()).await;
                }
            }
        }
    }
}

/// Carries a connection until one side ends it, or it is cut.
async fn carry(client: TcpStream, target: Target, mut way: watch::Receiver<Way>, traffic: Arc<Mutex<Traffic>>) {
    // small pieces must not wait for each other
    let _set = client.set_nodelay(true);
    let server: io::Result<Box<dyn Stream>> = match target {
        Target::Tcp(address) => TcpStream::connect(address).await.map(|stream| Box::new(stream) as _),
        Target::Unix(path) => UnixStream::connect(path).await.map(|stream| Box::new(stream) as _),
    };
    let Ok(server) = server else { return };
    let (from_client, to_client) = split(client);
    let (from_server, to_server) = split(server);
    let there = copy(Direction::There, from_client, to_server, way.clone(), &traffic);
    let back = copy(Direction::Back, from_server, to_client, way.clone(), &traffic);
    tokio::select! {
        _ = there => {}
        _ = back => {}
        _ = way.wait_for(|way| *way == Way::Closed) => {}
    }
}

async fn copy(
    direction: Direction,
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut way: watch::Receiver<Way>,
    traffic: &Mutex<Traffic>,
) -> io::Result<()> {
    let mut bytes = [0; 4096];
    loop {
        let read = from.read(&mut bytes).await?;
        if read == 0 {
            return Ok(());
        }
        way.wait_for(|way| *way != Way::Silent).await.map_err(io::Error::other)?;
        let (goes_on, is_cut) = lock(traffic).pass(direction, read);
        to.write_all(bytes.get(..goes_on).unwrap_or_default()).await?;
        if is_cut {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_counts_bytes_of_its_direction() {
        let mut traffic = Traffic { cut: Some((Direction::Back, 5)), ..Traffic::default() };
        assert_eq!(traffic.pass(Direction::There, 9), (9, false));
        assert_eq!(traffic.pass(Direction::Back, 3), (3, false));
        assert_eq!(traffic.pass(Direction::Back, 3), (2, true));
        assert_eq!(traffic.pass(Direction::Back, 3), (3, false));
        assert_eq!((traffic.there, traffic.back), (9, 8));
    }
}
