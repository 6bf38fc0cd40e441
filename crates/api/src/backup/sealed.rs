//! A file that only the holder of a key can read, and that nobody can change, cut or put together from others unnoticed.
//!
//! The first line names the key and a random id of the file. Frames follow: a byte that says whether it is the last one,
//! the length in four bytes, then nonce, ciphertext and tag of AES-256-GCM. The first line, the number of the frame and
//! whether it is the last are authenticated with each.

use std::io::{self, BufRead, Error, ErrorKind, Read, Write};

use aws_lc_rs::aead::{AES_256_GCM, Aad, MAX_TAG_LEN, NONCE_LEN, Nonce, RandomizedNonceKey};

use crate::keys::new_secret;

/// Bytes of a frame before they are sealed.
const FRAME: usize = 1 << 20;
/// The longest first line.
const LONGEST_HEAD: u64 = 256;
const MAGIC: &str = "lianxin-backup-1";

fn wrong(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::InvalidData, what.into())
}

fn key_of(bytes: &[u8; 32]) -> io::Result<RandomizedNonceKey> {
    RandomizedNonceKey::new(&AES_256_GCM, bytes).map_err(|_| wrong("the key of backups is not usable"))
}

fn authenticated(head: &str, number: u64, is_last: bool) -> Aad<Vec<u8>> {
    Aad::from([head.as_bytes(), &number.to_be_bytes(), &[u8::from(is_last)]].concat())
}

/// Seals what is written to it.
pub struct Sealing<W> {
    file: W,
    key: RandomizedNonceKey,
    head: String,
    frame: Vec<u8>,
    number: u64,
}

impl<W: Write> Sealing<W> {
    /// Begins a file under a key.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn begin(mut file: W, (id, key): &(String, [u8; 32])) -> io::Result<Self> {
        let head = format!("{MAGIC} {id} {}\n", new_secret().map_err(Error::other)?);
        file.write_all(head.as_bytes())?;
        Ok(Self { file, key: key_of(key)?, head, frame: Vec::with_capacity(FRAME), number: 0 })
    }

    fn seal(&mut self, is_last: bool) -> io::Result<()> {
        let aad = authenticated(&self.head, self.number, is_last);
        let mut sealed = std::mem::take(&mut self.frame);
        let nonce = self
            .key
            .seal_in_place_append_tag(aad, &mut sealed)
            .map_err(|_| Error::other("the backup could not be sealed"))?;
        let length = u32::try_from(NONCE_LEN + sealed.len()).map_err(Error::other)?;
        self.file.write_all(&[u8::from(is_last)])?;
        self.file.write_all(&length.to_be_bytes())?;
        self.file.write_all(nonce.as_ref())?;
        self.file.write_all(&sealed)?;
        sealed.clear();
        self.frame = sealed;
        self.number += 1;
        Ok(())
    }

    /// Ends the file and gives it back.
    ///
    /// # Errors
    /// If it cannot be written.
    pub fn finish(mut self) -> io::Result<W> {
        self.seal(true)?;
        self.file.flush()?;
        Ok(self.file)
    }
}

impl<W: Write> Write for Sealing<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.frame.len() == FRAME {
            self.seal(false)?;
        }
        let taken = bytes.len().min(FRAME - self.frame.len());
        self.frame.extend(bytes.iter().take(taken));
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Opens what was sealed.
pub struct Opening<R> {
    file: R,
    key: RandomizedNonceKey,
    head: String,
    frame: io::Cursor<Vec<u8>>,
    number: u64,
    was_last: bool,
}

impl<R: BufRead> Opening<R> {
    /// Begins to read a file that was sealed under one of these keys.
    ///
    /// # Errors
    /// If it is none.
    pub fn begin(mut file: R, keys: &[(String, [u8; 32])]) -> io::Result<Self> {
        let mut head = Vec::new();
        (&mut file).take(LONGEST_HEAD).read_until(b'\n', &mut head)?;
        let head = String::from_utf8(head).map_err(|_| wrong("this is not a backup of Lianxin"))?;
        let id = match head.split_whitespace().collect::<Vec<_>>().as_slice() {
            [magic, id, _] if *magic == MAGIC && head.ends_with('\n') => (*id).to_owned(),
            _ => return Err(wrong("this is not a backup of Lianxin")),
        };
        let key = keys.iter().find(|(known, _)| *known == id);
        let (_, key) = key.ok_or_else(|| wrong(format!("it is sealed by key {id}, which the file of keys lacks")))?;
        Ok(Self { file, key: key_of(key)?, head, frame: io::Cursor::default(), number: 0, was_last: false })
    }

    fn open(&mut self) -> io::Result<()> {
        let cut = |error: Error| match error.kind() {
            ErrorKind::UnexpectedEof => wrong("the backup is cut off"),
            _ => error,
        };
        let changed = || wrong("the backup was changed");
        let (mut flag, mut length) = ([0; 1], [0; 4]);
        self.file.read_exact(&mut flag).map_err(cut)?;
        self.file.read_exact(&mut length).map_err(cut)?;
        let length = u32::from_be_bytes(length) as usize;
        if !(NONCE_LEN + MAX_TAG_LEN..=NONCE_LEN + FRAME + MAX_TAG_LEN).contains(&length) {
            return Err(changed());
        }
        let mut nonce = [0; NONCE_LEN];
        self.file.read_exact(&mut nonce).map_err(cut)?;
        let mut sealed = vec![0; length - NONCE_LEN];
        self.file.read_exact(&mut sealed).map_err(cut)?;
        self.was_last = flag == [1];
        let aad = authenticated(&self.head, self.number, self.was_last);
        let nonce = Nonce::from(&nonce);
        let plain = self.key.open_in_place(nonce, aad, &mut sealed).map_err(|_| changed())?.len();
        sealed.truncate(plain);
        self.frame = io::Cursor::new(sealed);
        self.number += 1;
        if self.was_last && !self.file.fill_buf()?.is_empty() {
            return Err(changed());
        }
        Ok(())
    }
}

impl<R: BufRead> Read for Opening<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            let taken = self.frame.read(bytes)?;
            if taken > 0 || self.was_last || bytes.is_empty() {
                return Ok(taken);
            }
            self.open()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> Vec<(String, [u8; 32])> {
        vec![("b2".to_owned(), [2; 32]), ("b1".to_owned(), [1; 32])]
    }

    fn sealed(plain: &[u8]) -> Vec<u8> {
        let keys = keys();
        let mut sealing = Sealing::begin(Vec::new(), keys.first().unwrap()).unwrap();
        sealing.write_all(plain).unwrap();
        sealing.finish().unwrap()
    }

    fn opened(sealed: &[u8], keys: &[(String, [u8; 32])]) -> io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        Opening::begin(sealed, keys)?.read_to_end(&mut plain)?;
        Ok(plain)
    }

    #[test]
    fn what_is_sealed_opens_at_any_length() {
        for length in [0, 1, FRAME - 1, FRAME, FRAME + 1, 3 * FRAME] {
            let plain: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
            assert_eq!(opened(&sealed(&plain), &keys()).unwrap(), plain, "{length}");
        }
    }

    #[test]
    fn a_change_anywhere_is_noticed() {
        let whole = sealed(b"a few rows");
        for place in 0..whole.len() {
            let mut changed = whole.clone();
            *changed.get_mut(place).unwrap() ^= 1;
            assert!(opened(&changed, &keys()).is_err(), "at {place}");
        }
    }

    #[test]
    fn nothing_may_be_cut_off_added_or_exchanged() {
        let head = |file: &[u8]| file.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        let (one, other) = (sealed(&vec![1; 2 * FRAME]), sealed(&vec![2; 2 * FRAME]));
        let frame = 5 + NONCE_LEN + FRAME + MAX_TAG_LEN;
        let (begin, first) = (head(&one), head(&one) + frame);
        for cut in [0, 5, begin, begin + 3, first, one.len() - 1] {
            assert!(opened(one.get(..cut).unwrap(), &keys()).is_err(), "cut at {cut}");
        }
        let without_first = [one.get(..begin).unwrap(), one.get(first..).unwrap()].concat();
        let of_two = [one.get(..first).unwrap(), other.get(first..).unwrap()].concat();
        let longer = [one.as_slice(), b"x"].concat();
        for (what, file) in [("without the first", without_first), ("of two", of_two), ("longer", longer)] {
            assert!(opened(&file, &keys()).is_err(), "{what}");
        }
        assert!(opened(&one, keys().get(1..).unwrap()).unwrap_err().to_string().contains("b2"));
    }
}
