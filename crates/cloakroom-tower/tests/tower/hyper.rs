//! A hyper server on a real socket, and nothing else.

use cloakroom_tower::SessionError;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tower::{Layer as _, service_fn};

use crate::support::Probe;
use crate::{Body, layer, session};

async fn count(request: Request<Incoming>) -> Result<Response<Body>, SessionError> {
    let session = session(&request).await?;
    let visits = session.update("visits", |visits: Option<u32>| visits.unwrap_or(0) + 1)?;
    let _ = request.into_body().collect().await;
    Ok(Response::new(Body::from(format!("visit {visits}"))))
}

/// Sends one request over a connection of its own and reads until the server closes it.
async fn exchange(address: std::net::SocketAddr, cookie: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{cookie}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn hyper_needs_no_framework() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let service = TowerToHyperService::new(layer(&Probe::default()).layer(service_fn(count)));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service.clone());
            tokio::spawn(connection);
        }
    });

    let first = exchange(address, "").await;
    assert!(first.starts_with("HTTP/1.1 200") && first.ends_with("visit 1"), "{first}");
    let line = first.lines().find_map(|line| line.strip_prefix("set-cookie: ")).unwrap();
    assert!(line.ends_with("; HttpOnly; SameSite=Lax; Secure; Path=/"), "{line}");
    let cookie = format!("Cookie: {}\r\n", line.split(';').next().unwrap());
    let second = exchange(address, &cookie).await;
    assert!(second.ends_with("visit 2") && !second.contains("set-cookie"), "{second}");
}
