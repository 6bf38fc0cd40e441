//! The file of keys in the hand of one who changes it.

use std::{
    fs::{self, File, OpenOptions, TryLockError},
    io::{self, Write as _},
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, fchown},
    path::{Path, PathBuf},
};

use super::KeyFile;

/// The file, which nobody else changes meanwhile.
pub struct Held {
    path: PathBuf,
    /// Its directory, locked: the lock ends with the program, however that ends, and leaves nothing behind.
    directory: File,
}

impl Held {
    /// Takes the file into the hand.
    ///
    /// # Errors
    /// If it is not there, or somebody else has it.
    pub fn take(path: &Path) -> Result<Self, String> {
        let said = |error: io::Error| format!("LIANXIN_KEYS_FILE: {}: {error}", path.display());
        // a link stays a link: what it leads to is replaced
        let path = fs::canonicalize(path).map_err(said)?;
        let directory = path.parent().ok_or_else(|| "LIANXIN_KEYS_FILE: is a directory".to_owned())?;
        let directory = File::open(directory).map_err(said)?;
        match directory.try_lock() {
            Ok(()) => Ok(Self { path, directory }),
            Err(TryLockError::WouldBlock) => Err("Somebody else is changing the keys at this moment.".to_owned()),
            Err(TryLockError::Error(error)) => Err(said(error)),
        }
    }

    /// What is in it.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn read(&self) -> Result<KeyFile, String> {
        KeyFile::read(&self.path, false)
    }

    /// Puts another one in its place, of the same owner and mode. Whoever reads finds the old one or the new one, whole,
    /// whatever happens meanwhile.
    ///
    /// # Errors
    /// If it cannot be replaced; then it is as it was.
    pub fn replace(&self, file: &KeyFile) -> Result<(), String> {
        file.keys()?;
        let text = file.text()?;
        let new = self.path.with_added_extension("new");
        self.write(&new, &text).map_err(|error| {
            let _removed = fs::remove_file(&new);
            format!(
                "LIANXIN_KEYS_FILE: {}: {error}. A new file of keys is written beside the old one and put in its place: run \
                 this where the directory can be written (docs/operations.md, Keys). The keys are as they were.",
                self.path.display()
            )
        })
    }

    fn write(&self, new: &Path, text: &str) -> io::Result<()> {
        // one who was cut off may have left it
        match fs::remove_file(new) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let old = fs::metadata(&self.path)?;
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(new)?;
        let made = file.metadata()?;
        if (made.uid(), made.gid()) != (old.uid(), old.gid()) {
            fchown(&file, Some(old.uid()), Some(old.gid()))?;
        }
        file.set_permissions(old.permissions())?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(new, &self.path)?;
        self.directory.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn one_at_a_time_changes_the_file_and_keeps_its_mode() {
        let directory = std::env::temp_dir().join(format!("lianxin-held-{}", crate::keys::new_secret().unwrap()));
        fs::create_dir(&directory).unwrap();
        let path = directory.join("lianxin.keys");
        KeyFile::generate().unwrap().write_new(&path).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o440)).unwrap();
        fs::write(directory.join("lianxin.keys.new"), "left behind").unwrap();
        let link = directory.join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();

        let held = Held::take(&link).unwrap();
        assert!(Held::take(&path).is_err());
        let other = KeyFile::generate().unwrap();
        held.replace(&other).unwrap();
        assert!(held.read().unwrap() == other);
        drop(held);
        assert!(Held::take(&path).unwrap().read().unwrap() == other);
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o440);
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert!(!directory.join("lianxin.keys.new").exists());
        fs::remove_dir_all(&directory).unwrap();
    }
}
