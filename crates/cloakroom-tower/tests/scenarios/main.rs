//! The scenarios that every framework passes, on a plain tower service and on an axum router.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;

use cloakroom_conformance::{App, HttpSuite, block_on, http_tests, respond};
use cloakroom_core::SessionManager;
use cloakroom_tower::SessionLayer;
use http::{Request, Response};
use tower::{Layer as _, ServiceExt as _};

mod a_tower_service {
    use std::convert::Infallible;

    use cloakroom_tower::{LazySession, SessionError};
    use tower::service_fn;

    use super::*;

    http_tests!(HttpSuite::new(bind), block_on);

    fn bind(manager: SessionManager) -> App {
        let service = SessionLayer::from(manager).layer(service_fn(handle));
        Arc::new(move |request| {
            let response = service.clone().oneshot(request);
            Box::pin(async { response.await.unwrap() })
        })
    }

    async fn handle(request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, Infallible> {
        let session = request.extensions().get::<LazySession>().cloned();
        let response = respond(session.as_ref(), &request.uri().to_string()).await;
        Ok(response.unwrap_or_else(|error| SessionError::from(error).into_http(Vec::new())))
    }
}

mod an_axum_router {
    use axum::Router;
    use axum::body::Body;
    use axum::response::{IntoResponse as _, Response as AxumResponse};
    use cloakroom_tower::axum::{LazySession, SessionError};
    use http::Uri;
    use http_body_util::BodyExt as _;

    use super::*;

    http_tests!(HttpSuite::new(bind), block_on);

    fn bind(manager: SessionManager) -> App {
        let app = Router::new().fallback(handle).layer(SessionLayer::from(manager));
        Arc::new(move |request| {
            let app = app.clone();
            Box::pin(async move {
                let (parts, body) = app.oneshot(request.map(Body::from)).await.unwrap().into_parts();
                Response::from_parts(parts, body.collect().await.unwrap().to_bytes().to_vec())
            })
        })
    }

    async fn handle(session: LazySession, uri: Uri) -> Result<AxumResponse, SessionError> {
        Ok(respond(Some(&session), &uri.to_string()).await?.map(Body::from).into_response())
    }
}
