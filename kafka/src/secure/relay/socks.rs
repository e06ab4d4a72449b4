//! The server's side of SOCKS5 (RFC 1928), as far as rskafka needs it: no authentication, CONNECT.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr},
};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

const VERSION: u8 = 5;
const NO_AUTHENTICATION: u8 = 0;
const CONNECT: u8 = 1;
const IPV4: u8 = 1;
const NAME: u8 = 3;
const IPV6: u8 = 4;
const SUCCEEDED: u8 = 0;
const GENERAL_FAILURE: u8 = 1;

/// Greets the caller and reads where it wants to go, as `host:port`.
pub(super) async fn accept(caller: &mut (impl AsyncRead + AsyncWrite + Unpin)) -> io::Result<String> {
    let [version, count] = read(caller).await?;
    let mut methods = vec![0; count.into()];
    caller.read_exact(&mut methods).await?;
    if version != VERSION || !methods.contains(&NO_AUTHENTICATION) {
        return Err(invalid("not SOCKS5 without authentication"));
    }
    caller.write_all(&[VERSION, NO_AUTHENTICATION]).await?;
    let [version, command, _, kind] = read(caller).await?;
    if (version, command) != (VERSION, CONNECT) {
        return Err(invalid("not a CONNECT"));
    }
    let host = match kind {
        IPV4 => Ipv4Addr::from(read::<4>(caller).await?).to_string(),
        IPV6 => format!("[{}]", Ipv6Addr::from(read::<16>(caller).await?)),
        NAME => {
            let [length] = read(caller).await?;
            let mut name = vec![0; length.into()];
            caller.read_exact(&mut name).await?;
            String::from_utf8(name).map_err(|_| invalid("a name that is not UTF-8"))?
        }
        _ => return Err(invalid("an unknown kind of address")),
    };
    let port = u16::from_be_bytes(read(caller).await?);
    Ok(format!("{host}:{port}"))
}

/// Says that the way is open: what follows is the broker's.
pub(super) async fn agree(caller: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    reply(caller, SUCCEEDED).await
}

/// Says that there is no way.
pub(super) async fn refuse(caller: &mut (impl AsyncWrite + Unpin)) -> io::Result<()> {
    reply(caller, GENERAL_FAILURE).await
}

/// From which address we dial is nobody's business.
async fn reply(caller: &mut (impl AsyncWrite + Unpin), code: u8) -> io::Result<()> {
    caller.write_all(&[VERSION, code, 0, IPV4, 0, 0, 0, 0, 0, 0]).await
}

async fn read<const N: usize>(caller: &mut (impl AsyncRead + Unpin)) -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    caller.read_exact(&mut bytes).await?;
    Ok(bytes)
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn asked(said: &[u8]) -> (io::Result<String>, Vec<u8>) {
        let (mut caller, mut server) = tokio::io::duplex(1024);
        caller.write_all(said).await.unwrap();
        caller.shutdown().await.unwrap();
        let address = accept(&mut server).await;
        drop(server);
        let mut heard = Vec::new();
        caller.read_to_end(&mut heard).await.unwrap();
        (address, heard)
    }

    #[tokio::test]
    async fn reads_names_and_addresses() {
        let name = [&b"\x05\x01\x00\x05\x01\x00\x03\x06broker"[..], &9093_u16.to_be_bytes()].concat();
        let (address, heard) = asked(&name).await;
        assert_eq!((address.unwrap().as_str(), heard), ("broker:9093", vec![5, 0]));
        let (address, _) = asked(b"\x05\x02\x02\x00\x05\x01\x00\x01\x7f\x00\x00\x01\x23\x84").await;
        assert_eq!(address.unwrap(), "127.0.0.1:9092");
        let six = [&b"\x05\x01\x00\x05\x01\x00\x04"[..], &Ipv6Addr::LOCALHOST.octets(), b"\x23\x84"].concat();
        assert_eq!(asked(&six).await.0.unwrap(), "[::1]:9092");
    }

    #[tokio::test]
    async fn refuses_what_it_does_not_speak() {
        for said in [
            &b""[..],
            b"GET / HTTP/1.1\r\n\r\n",
            b"\x04\x01\x00\x05\x01\x00",
            b"\x05\x01\x02\x05\x01\x00",
            b"\x05\x01\x00\x05\x02\x00\x01\x7f\x00\x00\x01\x23\x84",
            b"\x05\x01\x00\x05\x01\x00\x02",
            b"\x05\x01\x00\x05\x01\x00\x03\x02\xff\xff\x23\x84",
            b"\x05\x01\x00\x05\x01\x00\x03\xffshort",
        ] {
            assert!(asked(said).await.0.is_err(), "{said:?}");
        }
    }

    #[test]
    fn fuzz_socks() {
        fuzz::Target::new("socks").run(|said| {
            let mut caller = tokio::io::join(said, Vec::new());
            match futures::executor::block_on(accept(&mut caller)) {
                Err(error) => assert!(!error.to_string().is_empty()),
                Ok(address) => {
                    let (_, port) = address.rsplit_once(':').expect("a host and a port");
                    assert!(port.parse::<u16>().is_ok(), "{address}");
                    assert_eq!(caller.writer(), &[VERSION, NO_AUTHENTICATION]);
                }
            }
        });
    }
}
