//! Brokers that do exactly what a test tells them to.

use std::future::Future;

use anyhow::Result;
use bytes::{Buf, BufMut, BytesMut};
use kafka_protocol::{
    messages::{ApiVersionsRequest, ApiVersionsResponse, api_versions_response::ApiVersion},
    protocol::{Encodable, HeaderVersion, Request},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// What the header of a request says.
#[derive(Clone, Copy)]
pub(crate) struct Asked {
    pub(crate) key: i16,
    pub(crate) version: i16,
    pub(crate) correlation_id: i32,
}

/// A listener that runs `script` on every connection, until the set is dropped.
pub(crate) async fn scripted<F>(
    mut script: impl FnMut(TcpStream) -> F + Send + 'static,
) -> Result<(String, JoinSet<Result<()>>)>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let mut tasks = JoinSet::new();
    tasks.spawn(async move {
        let mut connections = JoinSet::new();
        loop {
            let (stream, _) = listener.accept().await?;
            connections.spawn(script(stream));
        }
    });
    Ok((address, tasks))
}

/// A listener that offers `apis` (each with its newest version) and answers with what `answer` encodes.
pub(crate) async fn answering(
    apis: &'static [(i16, i16)],
    answer: impl Fn(Asked, &mut BytesMut) -> Result<()> + Clone + Send + Sync + 'static,
) -> Result<(String, JoinSet<Result<()>>)> {
    scripted(move |mut stream| {
        let answer = answer.clone();
        async move {
            loop {
                let asked = read_request(&mut stream).await?;
                if asked.key == ApiVersionsRequest::KEY {
                    write_versions(&mut stream, asked, 0, apis).await?;
                } else {
                    let mut body = BytesMut::new();
                    answer(asked, &mut body)?;
                    write_frame(&mut stream, &body).await?;
                }
            }
        }
    })
    .await
}

/// The header and body of the answer to `asked`.
pub(crate) fn put_answer<R: Encodable + HeaderVersion>(
    asked: Asked,
    response: &R,
    answer: &mut BytesMut,
) -> Result<()> {
    answer.put_i32(asked.correlation_id);
    if R::header_version(asked.version) > 0 {
        answer.put_u8(0);
    }
    response.encode(answer, asked.version)
}

pub(crate) async fn read_request(stream: &mut TcpStream) -> Result<Asked> {
    let length = stream.read_u32().await?;
    let mut request = vec![0; length as usize];
    stream.read_exact(&mut request).await?;
    let mut header = &request[..];
    Ok(Asked { key: header.get_i16(), version: header.get_i16(), correlation_id: header.get_i32() })
}

/// Answers ApiVersions with `code` and `apis`, each with its newest version.
pub(crate) async fn write_versions(
    stream: &mut TcpStream,
    asked: Asked,
    code: i16,
    apis: &[(i16, i16)],
) -> Result<()> {
    let offered =
        apis.iter().map(|(key, max)| ApiVersion::default().with_api_key(*key).with_max_version(*max));
    let response = ApiVersionsResponse::default().with_error_code(code).with_api_keys(offered.collect());
    let mut answer = BytesMut::new();
    put_answer(asked, &response, &mut answer)?;
    write_frame(stream, &answer).await
}

pub(crate) async fn write_frame(stream: &mut TcpStream, body: &[u8]) -> Result<()> {
    stream.write_u32(u32::try_from(body.len())?).await?;
    Ok(stream.write_all(body).await?)
}
