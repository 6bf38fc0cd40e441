//! The numbers are read on a port of their own, which no proxy leads to.

use std::{io, net::TcpListener, time::Duration};

use actix_web::{App as ActixApp, HttpResponse, HttpServer, dev::Server, get, web::Data};
use domain::time::Instant;
use metrics::{describe_gauge, gauge};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};

use super::{describe, process, seconds};
use crate::{
    config::{DEFAULT_METRICS_LISTEN, Profile, Settings},
    state::App,
};

/// Bounds of the classes in which times are counted, in seconds.
const CLASSES: [f64; 14] = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// How often what was measured is put into its class: until then each value takes room.
const UPKEEP: Duration = Duration::from_secs(5);
/// Connections to the database.
const CONNECTIONS: &str = "lianxin_database_connections";
/// How many there may be.
const MOST_CONNECTIONS: &str = "lianxin_database_connections_max";

/// The numbers, and the port where they are read.
pub struct Metrics {
    handle: PrometheusHandle,
    listener: TcpListener,
}

/// Takes the port and begins to count. `None` where nobody is to read; then counting costs nothing.
///
/// # Errors
/// A sentence with the name of the setting, if the port is not to be had.
pub fn open(settings: &Settings, now: Instant) -> Result<Option<Metrics>, String> {
    let Some(address) = settings.metrics_listen else { return Ok(None) };
    let listener = match TcpListener::bind(address) {
        Ok(listener) => listener,
        Err(error) => {
            let said = format!(
                "LIANXIN_METRICS_LISTEN: {address}: {error}. A second service on this machine needs another port here, or off"
            );
            // who just tries two of them has not asked for metrics
            if settings.profile == Profile::Development && address == DEFAULT_METRICS_LISTEN {
                tracing::warn!(reason = said, "there are no metrics");
                return Ok(None);
            }
            return Err(said);
        }
    };
    let builder = PrometheusBuilder::new().set_buckets(&CLASSES).map_err(|error| error.to_string())?;
    let recorder = builder.build_recorder();
    let handle = recorder.handle();
    metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
    describe();
    describe_gauge!(CONNECTIONS, "Open connections to the database, by whether they are in use.");
    describe_gauge!(MOST_CONNECTIONS, "How many connections to the database may be open.");
    process::note_start(seconds(now));
    Ok(Some(Metrics { handle, listener }))
}

impl Metrics {
    /// Lets the numbers of a service be read until the server is stopped.
    ///
    /// # Errors
    /// If the system does not let it.
    pub fn serve(self, app: Data<App>) -> io::Result<Server> {
        let Self { handle, listener } = self;
        let upkeep = handle.clone();
        actix_web::rt::spawn(async move {
            loop {
                tokio::time::sleep(UPKEEP).await;
                upkeep.run_upkeep();
            }
        });
        let handle = Data::new(handle);
        let served = move || ActixApp::new().app_data(app.clone()).app_data(handle.clone()).service(read);
        Ok(HttpServer::new(served)
            .workers(1)
            .max_connections(16)
            .client_request_timeout(Duration::from_secs(5))
            .shutdown_timeout(1)
            .disable_signals()
            .listen(listener)?
            .run())
    }
}

#[get("/metrics")]
async fn read(app: Data<App>, handle: Data<PrometheusHandle>) -> HttpResponse {
    let connections = app.database.connections();
    gauge!(CONNECTIONS, "state" => "idle").set(connections.idle);
    gauge!(CONNECTIONS, "state" => "used").set(connections.open.saturating_sub(connections.idle));
    gauge!(MOST_CONNECTIONS).set(connections.max);
    process::look();
    HttpResponse::Ok().content_type("text/plain; version=0.0.4; charset=utf-8").body(handle.render())
}
