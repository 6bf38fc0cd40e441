//! The program.

use std::{io::Write as _, process::ExitCode};

#[actix_web::main]
async fn main() -> ExitCode {
    match api::cli::run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            let _written = writeln!(std::io::stderr(), "lianxin: {message}");
            ExitCode::FAILURE
        }
    }
}
