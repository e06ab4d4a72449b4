//! The port for requests, and the HTTP server on it with its limits.

use std::net::{SocketAddr, TcpListener, ToSocketAddrs as _};
use std::time::Duration;

use actix_web::dev::Server;
use actix_web::{App, HttpServer, web};
use anyhow::Result;
use socket2::{Domain, Socket, Type};

use super::stop::MARGIN;
use crate::http::routes;
use crate::https::Https;
use crate::shard::Blueprint;

/// Connections that may wait to be accepted: a crowd that arrives at once should not have to try again.
const BACKLOG: i32 = 2048;

/// How long an idle connection stays open: longer than load balancers keep theirs (60 s is common), or they would send
/// requests into connections that are just closing.
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// Longest time that a client may take for the TLS handshake.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(3);

/// TLS handshakes of one shard under way at once. While there are so many no connection is accepted, so a few hundred
/// clients who say nothing must not be enough.
const MAX_HANDSHAKES: usize = 4096;

/// As the standard library listens, with a longer backlog.
pub(super) fn listen(host: &str, port: u16) -> std::io::Result<TcpListener> {
    let mut refused = std::io::Error::other("the host name has no address");
    for address in (host, port).to_socket_addrs()? {
        match listen_on(address) {
            Ok(listener) => return Ok(listener),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn listen_on(address: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// The server on `listener`, with a shard after `blueprint` in each of its threads.
pub(super) fn serve(listener: TcpListener, https: Option<&Https>, blueprint: Blueprint) -> Result<Server> {
    let settings = blueprint.settings.clone();
    let graceful = settings.request_timeout + MARGIN;
    let app = move || {
        let blueprint = blueprint.clone();
        // Runs on the worker's own thread: everything the shard starts stays there.
        let shard = move || {
            let blueprint = blueprint.clone();
            async move { Ok::<_, std::convert::Infallible>(blueprint.build()) }
        };
        App::new()
            .data_factory(shard)
            .configure(routes::configure)
            .default_service(web::to(routes::not_found))
    };
    let server = HttpServer::new(app)
        .workers(settings.shards)
        .keep_alive(KEEP_ALIVE)
        // Who closes has gone, over HTTP/1.1: a request whose caller gave up is over, and its place is free. One who only
        // says that nothing more will come, which hardly any client does, is taken for gone as well.
        .h1_allow_half_closed(false)
        .tls_handshake_timeout(HANDSHAKE_LIMIT)
        .max_connection_rate(MAX_HANDSHAKES)
        .shutdown_timeout(graceful.as_secs() + 1)
        .disable_signals();
    let server = match https {
        None => server.listen(listener)?,
        Some(https) => server.listen_rustls_0_23(listener, https.config()?)?,
    };
    Ok(server.run())
}
