//! How keys come into use and go: the steps, as changes of the file.

use chrono::TimeDelta;
use clap::ValueEnum;
use domain::{id::KeyId, time::Instant};
use persistence::Class;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{KeyFile, Named};
use crate::tokens;

/// So long after a rotation former keys stay in any case: until the last access token that one of them signed has ended, and
/// nothing runs any more that began before.
const FORMER_KEYS_STAY: TimeDelta = TimeDelta::seconds(tokens::LIFETIME + tokens::LEEWAY + 30);

/// A rotation.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotation {
    /// Its id, which its event has.
    pub id: Uuid,
    /// When it began.
    pub begun_at: Instant,
    /// When it ended, if it has.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<Instant>,
    /// The keys that it made.
    pub new: Vec<KeyId>,
}

/// What keys are for. Those of the blind index and of cursors are not rotated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeyClass {
    /// Signs access tokens.
    Signing,
    /// Seals personal values.
    Personal,
    /// Seals sensitive values.
    Sensitive,
    /// Seals backups. Former ones stay: nobody knows which backups there are.
    Backup,
}

impl KeyClass {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Signing, Self::Personal, Self::Sensitive, Self::Backup];

    /// What it is called.
    pub fn name(self) -> &'static str {
        match self {
            Self::Signing => "signing",
            Self::Personal => "personal",
            Self::Sensitive => "sensitive",
            Self::Backup => "backup",
        }
    }

    /// The class of values that its keys seal.
    pub fn seals(self) -> Option<Class> {
        match self {
            Self::Signing | Self::Backup => None,
            Self::Personal => Some(Class::Personal),
            Self::Sensitive => Some(Class::Sensitive),
        }
    }

    fn new_key(self) -> Result<Named, String> {
        match self {
            Self::Signing => Named::signing(),
            Self::Personal => Named::secret("p"),
            Self::Sensitive => Named::secret("s"),
            Self::Backup => Named::secret("b"),
        }
    }
}

/// What a key is at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It signs or seals.
    InUse,
    /// It is known to all, and will be used.
    Waits,
    /// It was used and only verifies or opens.
    Former,
}

impl KeyFile {
    fn list(&self, class: KeyClass) -> &[Named] {
        match class {
            KeyClass::Signing => &self.signing,
            KeyClass::Personal => &self.personal,
            KeyClass::Sensitive => &self.sensitive,
            KeyClass::Backup => &self.backup,
        }
    }

    fn list_mut(&mut self, class: KeyClass) -> &mut Vec<Named> {
        match class {
            KeyClass::Signing => &mut self.signing,
            KeyClass::Personal => &mut self.personal,
            KeyClass::Sensitive => &mut self.sensitive,
            KeyClass::Backup => &mut self.backup,
        }
    }

    /// The rotation that was begun and has not ended.
    pub fn unfinished(&self) -> Option<&Rotation> {
        self.rotation.as_ref().filter(|rotation| rotation.ended_at.is_none())
    }

    /// The keys of a class in their order, and what each is.
    pub fn standing(&self, class: KeyClass) -> Vec<(&KeyId, Standing)> {
        let waits = |id: &KeyId| self.unfinished().is_some_and(|rotation| rotation.new.contains(id));
        let standing = |(place, named): (usize, &Named)| match place {
            0 => Standing::InUse,
            _ if waits(&named.id) => Standing::Waits,
            _ => Standing::Former,
        };
        self.list(class).iter().enumerate().map(|place| (&place.1.id, standing(place))).collect()
    }

    /// Adds new keys of some classes, which open and verify from now on, but do not seal or sign yet.
    ///
    /// # Errors
    /// If the system gives no randomness.
    pub fn begin_rotation(&mut self, classes: &[KeyClass], id: Uuid, now: Instant) -> Result<(), String> {
        let mut new = Vec::new();
        for class in classes {
            let key = class.new_key()?;
            new.push(key.id.clone());
            self.list_mut(*class).push(key);
        }
        self.rotation = Some(Rotation { id, begun_at: now, ended_at: None, new });
        Ok(())
    }

    /// Puts the new keys in use; `false` if they are.
    pub fn put_in_use(&mut self) -> bool {
        let new = self.unfinished().map(|rotation| rotation.new.clone()).unwrap_or_default();
        let mut changed = false;
        for class in KeyClass::ALL {
            let list = self.list_mut(class);
            let place = list.iter().position(|named| new.contains(&named.id)).filter(|place| *place > 0);
            if let Some(place) = place {
                let key = list.remove(place);
                list.insert(0, key);
                changed = true;
            }
        }
        changed
    }

    /// Notes that the rotation has ended.
    pub fn end(&mut self, now: Instant) {
        if let Some(rotation) = &mut self.rotation {
            rotation.ended_at = Some(now);
        }
    }

    /// From when on former keys may go; `None` before a rotation has ended.
    pub fn former_may_go_from(&self) -> Option<Instant> {
        self.rotation.as_ref().and_then(|rotation| rotation.ended_at).map(|ended| ended + FORMER_KEYS_STAY)
    }

    /// The former keys of all classes, apart from those of backups.
    pub fn former(&self) -> Vec<(KeyClass, KeyId)> {
        let of = |class| self.standing(class).into_iter().map(move |(id, standing)| (class, id.clone(), standing));
        let former = KeyClass::ALL.into_iter().filter(|class| *class != KeyClass::Backup).flat_map(of);
        former.filter(|(_, _, standing)| *standing == Standing::Former).map(|(class, id, _)| (class, id)).collect()
    }

    /// Removes keys.
    pub fn remove(&mut self, gone: &[KeyId]) {
        for class in KeyClass::ALL {
            self.list_mut(class).retain(|named| !gone.contains(&named.id));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(file: &KeyFile, class: KeyClass) -> Vec<(String, Standing)> {
        file.standing(class).into_iter().map(|(id, standing)| (id.to_string(), standing)).collect()
    }

    #[test]
    fn a_key_is_known_before_it_is_used_and_stays_after_it() {
        let mut file = KeyFile::generate().unwrap();
        let now = Instant::default();
        let old = file.personal[0].id.to_string();
        let signing = ids(&file, KeyClass::Signing);
        file.begin_rotation(&[KeyClass::Personal], Uuid::nil(), now).unwrap();
        let new = file.personal[1].id.to_string();
        let stand = |first: &str, second: &str, standing| {
            vec![(first.to_owned(), Standing::InUse), (second.to_owned(), standing)]
        };
        assert_eq!(ids(&file, KeyClass::Personal), stand(&old, &new, Standing::Waits));
        assert!(file.former().is_empty());

        assert!(file.put_in_use());
        assert!(!file.put_in_use());
        assert_eq!(ids(&file, KeyClass::Personal), stand(&new, &old, Standing::Former));
        assert_eq!(ids(&file, KeyClass::Signing), signing);
        assert_eq!(file.former_may_go_from(), None);
        file.end(now);
        assert_eq!(file.former_may_go_from(), Some(now + TimeDelta::seconds(660)));
        assert!(!file.put_in_use());

        file.remove(&[KeyId::try_from(old).unwrap()]);
        assert_eq!(ids(&file, KeyClass::Personal), [(new, Standing::InUse)]);
    }

    #[test]
    fn a_file_without_rotations_is_read() {
        let mut file = KeyFile::generate().unwrap();
        let text = file.text().unwrap();
        assert!(!text.contains("rotation"));
        assert!(serde_json::from_str::<KeyFile>(&text).unwrap() == file);
        file.begin_rotation(&KeyClass::ALL, Uuid::nil(), Instant::default()).unwrap();
        let again: KeyFile = serde_json::from_str(&file.text().unwrap()).unwrap();
        assert!(again == file && again.unfinished().is_some());
    }

    #[test]
    fn two_keys_have_two_names() {
        let mut file = KeyFile::generate().unwrap();
        file.personal[0].id = file.signing[0].id.clone();
        assert!(file.keys().err().is_some_and(|error| error.contains("two keys")));
    }
}
