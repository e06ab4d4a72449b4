//! The same actix-web server hashing by itself, without Kafka: what HTTP alone costs.

use std::net::TcpListener;

use actix_web::{App, HttpResponse, HttpServer, web};
use anyhow::Result;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

#[derive(Deserialize)]
struct Input<'a> {
    #[serde(borrow)]
    data: std::borrow::Cow<'a, str>,
}

#[derive(Serialize)]
struct Output {
    hash: String,
    id: String,
}

/// Serves `POST /hash` on `listener` with one worker thread, until the process ends.
///
/// # Errors
/// The server cannot run on that socket.
pub fn serve(listener: TcpListener) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        // It takes what the gateway takes.
        let limit = web::PayloadConfig::new(api_gateway::MAX_BODY_BYTES);
        let app = move || App::new().app_data(limit.clone()).route("/hash", web::post().to(hash));
        HttpServer::new(app).workers(1).listen(listener)?.run().await?;
        Ok(())
    })
}

async fn hash(body: web::Bytes) -> HttpResponse {
    let Ok(input) = serde_json::from_slice::<Input<'_>>(&body) else {
        return HttpResponse::BadRequest().finish();
    };
    let hash = hex::encode(Sha256::digest(input.data.as_bytes()));
    HttpResponse::Ok().json(Output { hash, id: uuid::Uuid::new_v4().to_string() })
}
