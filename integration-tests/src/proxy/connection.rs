//! One client's connection, and the one to the broker that belongs to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio::time::timeout;

use super::pump::{self, Broken};
use super::switches::Switches;
use super::{Carry, Direction, Flow};

/// Longest time to connect to the broker.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// How a connection ended, and so what becomes of its sockets.
enum End {
    /// Both sides have said their last.
    Closed,
    /// A reset, for both.
    Reset,
    /// The client is not told.
    Forgotten,
}

/// Carries a connection to its end.
pub(super) async fn serve(mut client: TcpStream, switches: Arc<Switches>) {
    // Before the first look at anything, so that no order is missed.
    let (mut resets, mut forgets) = (switches.resets.subscribe(), switches.forgets.subscribe());
    let mut server = None;
    let end = tokio::select! {
        end = carry(&mut client, &mut server, &switches) => end,
        _ = resets.changed() => End::Reset,
        _ = forgets.changed() => End::Forgotten,
    };
    match end {
        End::Closed => {}
        End::Reset => {
            reset(&client);
            server.as_ref().map(reset);
        }
        End::Forgotten => {
            // The broker sees the connection end; the client sees nothing, whatever it sends.
            drop(server);
            tokio::select! {
                () = swallow(&mut client) => {}
                _ = resets.changed() => reset(&client),
            }
        }
    }
}

async fn carry(client: &mut TcpStream, server: &mut Option<TcpStream>, switches: &Switches) -> End {
    let Some(upstream) = way(client, switches).await else { return End::Reset };
    let Ok(Ok(connected)) = timeout(CONNECT_LIMIT, TcpStream::connect(upstream)).await else {
        return End::Reset;
    };
    let server = server.insert(connected);
    // Best effort: without it bytes are merely late.
    let _ = (client.set_nodelay(true), server.set_nodelay(true));
    let (from_client, to_client) = client.split();
    let (from_server, to_server) = server.split();
    let carried = tokio::try_join!(
        pump::run(from_client, to_server, Direction::Requests, switches),
        pump::run(from_server, to_client, Direction::Answers, switches),
    );
    match carried {
        Ok(_) => End::Closed,
        Err(Broken) => End::Reset,
    }
}

/// Waits until a new connection may be made to the broker. `None`: it never may be, for the client believes that it is
/// connected and was made to send into the void.
async fn way(client: &mut TcpStream, switches: &Switches) -> Option<SocketAddr> {
    let mut requests = switches.flow(Direction::Requests).subscribe();
    let mut upstream = switches.upstream.subscribe();
    // The sender lives as long as the switches.
    let found = |flow: &Flow| flow.carry != Carry::Hold;
    let carry = requests.wait_for(found).await.map_or(Carry::Lose, |flow| flow.carry);
    if carry == Carry::Lose {
        tokio::select! {
            () = swallow(client) => {}
            () = healed(&mut requests) => {}
        }
        return None;
    }
    upstream.wait_for(Option::is_some).await.ok().and_then(|upstream| *upstream)
}

async fn healed(requests: &mut watch::Receiver<Flow>) {
    let _ = requests.wait_for(|flow| flow.carry == Carry::Pass).await;
}

/// Reads into the void until the client is gone.
async fn swallow(client: &mut TcpStream) {
    let mut void = [0; 4096];
    while matches!(client.read(&mut void).await, Ok(1..)) {}
}

/// Makes the close that follows a reset instead of a farewell.
pub(super) fn reset(socket: &TcpStream) {
    // Best effort: else it is closed, which ends it as well.
    let _ = socket.set_zero_linger();
}
