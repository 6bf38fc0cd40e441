//! What stands in a backup: lines of JSON, compressed and sealed. A mark begins and ends each table, rows are arrays.

use std::{
    fs::{File, OpenOptions},
    io::{self, BufRead, BufReader, BufWriter, Error, ErrorKind, Write},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use aws_lc_rs::digest::{Context, SHA256};
use domain::time::Instant;
use flate2::{Compression, bufread::GzDecoder, write::GzEncoder};
use persistence::Row;
use serde::{Deserialize, Serialize};

use super::sealed::{Opening, Sealing};

/// The longest line that is read: a row holds a few texts of bounded length.
const LONGEST_LINE: u64 = 16 << 20;

/// A key of backups with its id.
pub type Key = (String, [u8; 32]);

/// A line that is not a row.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Mark {
    /// The first line.
    Backup {
        /// The newest step of the schema.
        schema: String,
        /// When it was begun.
        taken_at: Instant,
    },
    /// Rows of a table follow.
    Table {
        /// Its name.
        name: String,
        /// Its columns, in the order of the values.
        columns: Vec<String>,
    },
    /// The rows of a table end.
    End(Sum),
    /// The last line.
    Complete {
        /// How many tables there are.
        tables: usize,
    },
}

/// A line.
#[derive(Debug)]
pub enum Line {
    /// A mark.
    Mark(Mark),
    /// A row of the table that was named last.
    Row(Row),
}

/// How many rows, and a digest of them in their order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub rows: u64,
    /// SHA-256 of their lines, hexadecimal.
    pub sha256: String,
}

/// A sum in the making.
pub struct Summing {
    rows: u64,
    digest: Context,
}

impl Default for Summing {
    fn default() -> Self {
        Self { rows: 0, digest: Context::new(&SHA256) }
    }
}

impl Summing {
    /// Adds a row; its line.
    ///
    /// # Errors
    /// Never, in fact: a row is text.
    pub fn add(&mut self, row: &Row) -> io::Result<String> {
        let mut line = serde_json::to_string(row)?;
        line.push('\n');
        self.rows += 1;
        self.digest.update(line.as_bytes());
        Ok(line)
    }

    /// The sum.
    pub fn finish(self) -> Sum {
        let digest = self.digest.finish();
        Sum { rows: self.rows, sha256: digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect() }
    }
}

/// A backup that is being written, under another name until it is whole.
pub struct Writer {
    lines: GzEncoder<Sealing<BufWriter<File>>>,
    part: PathBuf,
    path: PathBuf,
}

impl Writer {
    /// Begins a file that only this user can read.
    ///
    /// # Errors
    /// If there is one of this name, or it cannot be written.
    pub fn begin(path: &Path, key: &Key) -> io::Result<Self> {
        if path.exists() {
            return Err(Error::new(ErrorKind::AlreadyExists, "there is such a file already"));
        }
        let mut part = path.as_os_str().to_owned();
        part.push(".part");
        let part = PathBuf::from(part);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&part)?;
        let lines = GzEncoder::new(Sealing::begin(BufWriter::new(file), key)?, Compression::default());
        Ok(Self { lines, part, path: path.to_owned() })
    }

    /// Writes a mark.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn mark(&mut self, mark: &Mark) -> io::Result<()> {
        self.line(&(serde_json::to_string(mark)? + "\n"))
    }

    /// Writes a line.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn line(&mut self, line: &str) -> io::Result<()> {
        self.lines.write_all(line.as_bytes())
    }

    /// Takes away what was written: it is of no use.
    pub fn discard(self) {
        let _removed = std::fs::remove_file(&self.part);
    }

    /// Gives the file its name, once the disk has all of it.
    ///
    /// # Errors
    /// If the disk does not take it.
    pub fn finish(self) -> io::Result<()> {
        let file = self.lines.finish()?.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.sync_all()?;
        std::fs::rename(&self.part, &self.path)?;
        let directory = self.path.parent().filter(|path| !path.as_os_str().is_empty());
        File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
    }
}

/// A backup that is being read.
pub struct Reader {
    lines: BufReader<GzDecoder<BufReader<Opening<BufReader<File>>>>>,
}

impl Reader {
    /// Opens a file.
    ///
    /// # Errors
    /// If it is no backup, or sealed under another key.
    pub fn open(path: &Path, keys: &[Key]) -> io::Result<Self> {
        let sealed = Opening::begin(BufReader::new(File::open(path)?), keys)?;
        Ok(Self { lines: BufReader::new(GzDecoder::new(BufReader::new(sealed))) })
    }

    /// The next line.
    ///
    /// # Errors
    /// If the file was changed or ends before its last line.
    pub fn line(&mut self) -> io::Result<Line> {
        use io::Read as _;
        let mut line = String::new();
        (&mut self.lines).take(LONGEST_LINE).read_line(&mut line)?;
        let line =
            line.strip_suffix('\n').ok_or_else(|| Error::new(ErrorKind::InvalidData, "the backup is cut off"))?;
        let line = if line.starts_with('[') {
            Line::Row(serde_json::from_str(line)?)
        } else {
            Line::Mark(serde_json::from_str(line)?)
        };
        if matches!(line, Line::Mark(Mark::Complete { .. })) {
            // whatever holds the end of the file is judged by reading it
            self.lines.read_to_end(&mut Vec::new())?;
        }
        Ok(line)
    }
}
