//! Handshakes over sockets, with an authority of the tests' own.

use std::fs;

use ::tls::{
    Authorities, ClientFiles, KeyPair, client_config, provider,
    rustls::{
        RootCertStore, ServerConfig, pki_types::CertificateDer, pki_types::PrivateKeyDer,
        pki_types::pem::PemObject, server::WebPkiClientVerifier,
    },
    throw_away::{Authority, Issued},
};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;

use super::*;

/// A server that shows `identity`, says one byte, and asks who is there if `clients` may be signed by somebody.
async fn serve(identity: &Issued, clients: Option<&Authority>) -> String {
    let certificate = CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
    let provider = provider().unwrap();
    let builder =
        ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(authority) => {
            let mut roots = RootCertStore::empty();
            roots.add(CertificateDer::from_pem_slice(authority.certificate().as_bytes()).unwrap()).unwrap();
            let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), provider);
            builder.with_client_cert_verifier(verifier.build().unwrap())
        }
    };
    let acceptor = TlsAcceptor::from(Arc::new(builder.with_single_cert(vec![certificate], key).unwrap()));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"!").await;
                let _ = stream.shutdown().await;
            }
        }
    });
    format!("localhost:{port}")
}

/// Shakes hands and hears the byte.
async fn greet(address: &str, authority: &Authority, identity: Option<&Issued>) -> Result<(), WireError> {
    let folder = TempDir::new().unwrap();
    let write = |name, text: &str| {
        let path = folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    };
    let files = ClientFiles {
        authorities: Authorities::File(write("ca.crt", authority.certificate())),
        identity: identity.map(|own| KeyPair {
            certificate: write("own.crt", &own.certificate),
            key: write("own.key", &own.key),
        }),
    };
    let stream = TcpStream::connect(address).await.unwrap();
    let mut stream = handshake(stream, address, client_config(&files).unwrap()).await?;
    let heard = stream.read_u8().await;
    heard.map(|_| ()).map_err(|source| WireError::Closed { address: address.to_owned(), source })
}

#[tokio::test]
async fn whom_we_trust_is_greeted_and_nobody_else() {
    let (authority, other) = (Authority::new("ours"), Authority::new("another"));
    let address = serve(&authority.issue("broker", &["localhost"]), None).await;
    greet(&address, &authority, None).await.unwrap();
    let error = greet(&address, &other, None).await.unwrap_err();
    assert!(error.to_string().contains("see KAFKA_SSL_CA"), "{error}");
    let by_number = address.replace("localhost", "127.0.0.1");
    let error = greet(&by_number, &authority, None).await.unwrap_err();
    assert!(error.to_string().contains("for another name"), "{error}");
    let address = serve(&authority.issue("broker", &["127.0.0.1"]), None).await;
    greet(&address.replace("localhost", "127.0.0.1"), &authority, None).await.unwrap();
}

#[tokio::test]
async fn a_broker_that_asks_who_we_are_is_shown_our_certificate() {
    let authority = Authority::new("ours");
    let address = serve(&authority.issue("broker", &["localhost"]), Some(&authority)).await;
    greet(&address, &authority, Some(&authority.issue("us", &["us"]))).await.unwrap();
    let error = greet(&address, &authority, None).await.unwrap_err();
    assert!(error.in_words().contains("CertificateRequired"), "{}", error.in_words());
}

#[tokio::test]
async fn a_listener_without_tls_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        for says in [&b"\0\0\0\x08what is that"[..], b""] {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(says).await;
            let _ = stream.read(&mut [0; 1024]).await;
        }
    });
    let authority = Authority::new("ours");
    for expected in ["does not speak TLS", "does it speak TLS"] {
        let error = greet(&address, &authority, None).await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    }
}

#[test]
fn a_host_stands_before_the_port() {
    for (address, expected) in [
        ("broker:9093", "broker"),
        ("10.0.0.1:9093", "10.0.0.1"),
        ("[::1]:9093", "::1"),
        ("broker", "broker"),
    ] {
        assert_eq!(host(address), expected);
    }
}
