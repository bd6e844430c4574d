//! The same routes without any session: what axum, the socket and the kernel cost.

use std::process::ExitCode;

use axum::Router;
use axum::routing::get;

fn main() -> ExitCode {
    bench_server::serve(|_| async {
        Ok(Router::new()
            .route("/none", get(async || "none"))
            .route("/read", get(async || "1"))
            .route("/write", get(async || "1"))
            .route("/new", get(async || "1")))
    })
}
