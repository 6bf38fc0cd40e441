//! Passwords: argon2id, a few at a time, off the threads that answer requests.

use std::sync::LazyLock;

use argon2::{Argon2, PasswordHash, PasswordHasher as _, PasswordVerifier as _};

use crate::{problem::Problem, state::App};

/// The hash of a password that nobody has, at the cost of all others: an unknown user takes as long as a known one.
static NOBODY: LazyLock<String> = LazyLock::new(|| hash("nobody").unwrap_or_default());

/// Hashes a password (argon2id, m = 19456 KiB, t = 2, p = 1).
///
/// # Errors
/// If the machine has no memory for it.
pub fn hash(password: &str) -> Result<String, Problem> {
    Argon2::default()
        .hash_password(password.as_bytes())
        .map(|hash| hash.to_string())
        .map_err(|_| Problem::new("internal"))
}

fn fits(password: &str, phc: &str) -> bool {
    PasswordHash::new(phc).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// Whether a password fits; the same work is done where there is no such user.
///
/// # Errors
/// If the work cannot be done.
pub async fn verify(app: &App, password: String, phc: Option<String>) -> Result<bool, Problem> {
    let _permit = app.hashing.acquire().await.map_err(|_| Problem::new("unavailable"))?;
    let known = phc.is_some();
    let phc = phc.unwrap_or_else(|| NOBODY.clone());
    let fits = actix_web::web::block(move || fits(&password, &phc)).await.map_err(|_| Problem::new("unavailable"))?;
    Ok(known && fits)
}

/// Hashes a password off the threads that answer requests.
///
/// # Errors
/// If the work cannot be done.
pub async fn hash_apart(app: &App, password: String) -> Result<String, Problem> {
    let _permit = app.hashing.acquire().await.map_err(|_| Problem::new("unavailable"))?;
    actix_web::web::block(move || hash(&password)).await.map_err(|_| Problem::new("unavailable"))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stand_in_is_a_hash_like_any_other() {
        assert!(fits("nobody", &NOBODY));
        assert!(NOBODY.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{}", *NOBODY);
    }
}
