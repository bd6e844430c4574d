//! Forms that are searched for a token reach the handler as they came.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use axum::body::{Body, Bytes};
use cloakroom_tower::csrf::{CsrfGuard, CsrfLayer, CsrfRefusal};
use futures_util::stream;
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Body as _, Frame, SizeHint};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tower::{ServiceBuilder, ServiceExt as _, service_fn};

use crate::support::made_up_cookie;
use crate::{Site, request};

const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// A body in these pieces, without a stated length, that counts how many were asked for.
fn pieces(pieces: Vec<Result<Bytes, &'static str>>) -> (Body, Arc<AtomicUsize>) {
    let asked = Arc::<AtomicUsize>::default();
    let count = Arc::clone(&asked);
    let pieces = stream::iter(pieces.into_iter().inspect(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    }));
    (Body::from_stream(pieces), asked)
}

/// A body of a stated length that is never read.
struct Stated(u64);

impl hyper::body::Body for Stated {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        panic!("it was read");
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0)
    }
}

fn bytes_of(text: &str) -> Vec<Result<Bytes, &'static str>> {
    text.bytes().map(|byte| Ok(Bytes::from(vec![byte]))).collect()
}

#[tokio::test]
async fn a_form_in_pieces_of_one_byte_arrives_as_it_was_sent() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    for form in [
        format!("csrf_token={token}"),
        format!("a=%FF%00&b=+&csrf%5Ftoken={token}&&c=\u{e9}&d"),
        format!("csrf_token={token}&{}", "x".repeat(60_000)),
    ] {
        let (body, asked) = pieces(bytes_of(&form));
        assert_eq!(site.status("POST", &[("cookie", &ours), FORM], body).await, StatusCode::OK);
        assert_eq!(site.handled.lock().unwrap().pop().unwrap(), form);
        assert_eq!(asked.load(Ordering::SeqCst), form.len());
    }
}

/// Through a socket and hyper, as from an old browser.
#[tokio::test]
async fn a_form_in_chunks_arrives_through_a_real_server() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let form = format!("note=%C3%A9&csrf_token={}", site.token(&ours).await);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = site.app.clone();
    let server = tokio::spawn(async move { axum::serve(listener, app).await });

    let chunks: Vec<String> = form.chars().map(|byte| format!("1\r\n{byte}\r\n")).collect();
    let head = format!(
        "POST / HTTP/1.1\r\nhost: shop.example\r\ncookie: {ours}\r\ncontent-type: {}\r\n\
         transfer-encoding: chunked\r\nconnection: close\r\n\r\n",
        FORM.1
    );
    let mut browser = tokio::net::TcpStream::connect(address).await.unwrap();
    browser.write_all(format!("{head}{}0\r\n\r\n", chunks.concat()).as_bytes()).await.unwrap();
    let mut answer = String::new();
    browser.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert_eq!(site.handled.lock().unwrap().pop().unwrap(), form);
    server.abort();
}

#[tokio::test]
async fn a_form_that_is_too_large_is_refused_and_not_kept() {
    let site = Site::new(CsrfGuard::default().with_form_limit(1_000));
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    let form = |length: usize| {
        let form = format!("csrf_token={token}&x=");
        let padding = "x".repeat(length - form.len());
        form + &padding
    };
    let headers = [("cookie", &*ours), FORM];
    // With a stated length nothing is read.
    assert_eq!(site.status("POST", &headers, form(1_000)).await, StatusCode::OK);
    assert_eq!(site.status("POST", &headers, form(1_001)).await, StatusCode::PAYLOAD_TOO_LARGE);
    let stated = request("POST", "/", &headers, Body::new(Stated(1_001)));
    assert_eq!(site.send(stated).await.status(), StatusCode::PAYLOAD_TOO_LARGE);
    // Without one, no more than the limit.
    let (body, _) = pieces(bytes_of(&form(1_000)));
    assert_eq!(site.status("POST", &headers, body).await, StatusCode::OK);
    let (body, asked) = pieces(bytes_of(&form(5_000)));
    assert_eq!(site.status("POST", &headers, body).await, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(asked.load(Ordering::SeqCst), 1_001);
    assert_eq!(site.take_refused(), [CsrfRefusal::FormTooLarge; 3]);
    assert_eq!(site.take_handled(), 2);
    // What needs no token is not limited.
    let ours = [("cookie", &*ours), FORM, ("sec-fetch-site", "same-origin")];
    assert_eq!(site.status("POST", &ours, form(100_000)).await, StatusCode::OK);
}

#[tokio::test]
async fn a_form_that_breaks_off_is_refused() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    let (body, _) = pieces(vec![Ok(format!("csrf_token={token}").into()), Err("gone")]);
    assert_eq!(site.status("POST", &[("cookie", &ours), FORM], body).await, StatusCode::BAD_REQUEST);
    assert_eq!((site.take_refused(), site.take_handled()), (vec![CsrfRefusal::FormUnreadable], 0));
}

#[tokio::test]
async fn nothing_is_read_for_somebody_without_a_session() {
    let site = Site::new(CsrfGuard::default());
    for cookie in ["a=b", &*made_up_cookie()] {
        let (body, asked) = pieces(bytes_of("csrf_token=t"));
        assert_eq!(site.status("POST", &[("cookie", cookie), FORM], body).await, StatusCode::FORBIDDEN);
        assert_eq!(asked.load(Ordering::SeqCst), 0, "{cookie}");
    }
}

/// Frames, trailers and length of a form behind the layer are those before it.
#[tokio::test]
async fn pieces_trailers_and_length_stay_what_they_were() {
    let site = Site::new(CsrfGuard::default());
    let ours = site.begin().await;
    let token = site.token(&ours).await;
    let manager = cloakroom_core::SessionManager::builder(site.store.clone()).build().unwrap();
    let service = ServiceBuilder::new()
        .layer(cloakroom_tower::SessionLayer::from(manager))
        .layer(CsrfLayer::default())
        .service(service_fn(async |request: Request<cloakroom_tower::csrf::CsrfBody<_>>| {
            let mut body = std::pin::pin!(request.into_body());
            assert_eq!(body.size_hint().exact(), Some(100));
            assert!(!body.is_end_stream());
            let mut seen = Vec::new();
            while let Some(frame) = body.as_mut().frame().await {
                match frame.unwrap().into_data() {
                    Ok(data) => seen.push(data.len().to_string()),
                    Err(frame) => seen.push(format!("{:?}", frame.into_trailers().unwrap())),
                }
            }
            assert!(body.is_end_stream());
            Ok::<_, Infallible>(Response::new(seen.join(" ")))
        }));
    let data = [format!("csrf_token={token}"), String::new(), "&ab".into()]
        .map(|text| Frame::data(Bytes::from(text)));
    let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "7".parse().unwrap())]);
    let frames = data.into_iter().chain([Frame::trailers(trailers)]).map(Ok::<_, Infallible>);
    let body = StreamBody::new(stream::iter(frames));
    let request = request("POST", "/", &[("cookie", &ours), FORM], "").map(|_| body);
    let response = service.oneshot(request).await.unwrap();
    assert_eq!(response.into_body(), r#"97 0 3 {"x-sum": "7"}"#);
}
