//! Files that are right, wrong and replaced; handshakes in memory.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use tempfile::TempDir;

use crate::throw_away::{Authority, Issued};
use crate::{
    Authorities, ClientCertificates, ClientFiles, KeyPair, Server, ServerFiles, TlsError, client_config,
};

/// A directory that goes with the test.
struct Folder(TempDir);

impl Folder {
    fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    fn write_pair(&self, name: &str, issued: &Issued) -> KeyPair {
        KeyPair {
            certificate: self.write(&format!("{name}.crt"), &issued.certificate),
            key: self.write(&format!("{name}.key"), &issued.key),
        }
    }
}

/// One handshake and one word from the client; what the client sees of the server's certificate.
fn talk(client: &Arc<ClientConfig>, server: &Arc<ServerConfig>) -> Result<Vec<u8>, rustls::Error> {
    let name = ServerName::try_from("gateway.test").unwrap();
    let mut client = ClientConnection::new(client.clone(), name)?;
    let mut server = ServerConnection::new(server.clone())?;
    client.writer().write_all(b"hello").unwrap();
    let mut bytes = Vec::new();
    while client.wants_write() || server.wants_write() {
        bytes.clear();
        client.write_tls(&mut bytes).unwrap();
        server.read_tls(&mut bytes.as_slice()).unwrap();
        server.process_new_packets()?;
        bytes.clear();
        server.write_tls(&mut bytes).unwrap();
        client.read_tls(&mut bytes.as_slice()).unwrap();
        client.process_new_packets()?;
    }
    let mut word = [0; 5];
    server.reader().read_exact(&mut word).unwrap();
    assert_eq!(&word, b"hello");
    Ok(client.peer_certificates().unwrap()[0].to_vec())
}

fn client(authority: &Path, identity: Option<KeyPair>) -> Arc<ClientConfig> {
    client_config(&ClientFiles { authorities: Authorities::File(authority.to_owned()), identity }).unwrap()
}

#[test]
fn a_new_certificate_is_shown_to_new_connections() {
    let (folder, authority) = (Folder::new(), Authority::new("authority"));
    let trusted = folder.write("ca.crt", authority.certificate());
    let identity = folder.write_pair("server", &authority.issue("one", &["gateway.test"]));
    let server = Server::load(ServerFiles { identity, clients: ClientCertificates::NotAsked }).unwrap();
    let config = Arc::new(server.config().unwrap());
    // A client of its own each time: one that comes again resumes its session, in which nothing is shown.
    let shown = || talk(&client(&trusted, None), &config).unwrap();
    let first = shown();
    assert!(!server.reload_identity().unwrap(), "nothing was changed");

    let second = authority.issue("two", &["gateway.test"]);
    folder.write("server.crt", &second.certificate);
    assert!(matches!(server.reload_identity(), Err(TlsError::Content { .. })), "the key is not there yet");
    assert_eq!(shown(), first, "what was whole stays in use");
    folder.write("server.key", &second.key);
    assert!(server.reload_identity().unwrap());
    assert_ne!(shown(), first);
}

#[test]
fn a_wrong_name_and_an_unknown_authority_are_refused() {
    let (folder, authority) = (Folder::new(), Authority::new("authority"));
    let trusted = folder.write("ca.crt", authority.certificate());
    let other = folder.write("other.crt", Authority::new("other").certificate());
    let pair = folder.write_pair("server", &authority.issue("one", &["gateway.test"]));
    let strange = folder.write_pair("strange", &authority.issue("one", &["elsewhere.test"]));
    let serve = |identity| {
        let server = Server::load(ServerFiles { identity, clients: ClientCertificates::NotAsked }).unwrap();
        Arc::new(server.config().unwrap())
    };
    assert!(talk(&client(&trusted, None), &serve(pair.clone())).is_ok());
    assert!(talk(&client(&other, None), &serve(pair)).is_err());
    assert!(talk(&client(&trusted, None), &serve(strange)).is_err());
}

#[test]
fn clients_are_let_in_by_their_certificate() {
    let (folder, authority, other) = (Folder::new(), Authority::new("ours"), Authority::new("other"));
    let trusted = folder.write("ca.crt", authority.certificate());
    let identity = folder.write_pair("server", &authority.issue("server", &["gateway.test"]));
    let ours = client(&trusted, Some(folder.write_pair("ours", &authority.issue("client", &[]))));
    let foreign = client(&trusted, Some(folder.write_pair("foreign", &other.issue("client", &[]))));
    let nobody = client(&trusted, None);
    let load = |clients| Server::load(ServerFiles { identity: identity.clone(), clients }).unwrap();

    let required = load(ClientCertificates::Required(trusted.clone()));
    let config = Arc::new(required.config().unwrap());
    assert!(talk(&ours, &config).is_ok());
    assert!(talk(&foreign, &config).is_err());
    assert!(talk(&nobody, &config).is_err());

    let optional = Arc::new(load(ClientCertificates::Optional(trusted.clone())).config().unwrap());
    assert!(talk(&ours, &optional).is_ok());
    assert!(talk(&foreign, &optional).is_err());
    assert!(talk(&nobody, &optional).is_ok());

    // The authorities change while the configuration is in use; no session of before gets around that.
    folder.write("ca.crt", other.certificate());
    assert!(required.reload_authorities().unwrap());
    assert!(talk(&ours, &config).is_err());
    assert!(talk(&foreign, &config).is_ok());
}

#[test]
fn an_authority_is_taken_back_whatever_is_wrong_with_certificate_and_key() {
    let (folder, authority, other) = (Folder::new(), Authority::new("ours"), Authority::new("other"));
    let trusted = folder.write("ca.crt", authority.certificate());
    let identity = folder.write_pair("server", &authority.issue("server", &["gateway.test"]));
    let ours = client(&trusted, Some(folder.write_pair("ours", &authority.issue("client", &[]))));
    let clients = ClientCertificates::Required(trusted.clone());
    let server = Server::load(ServerFiles { identity: identity.clone(), clients }).unwrap();
    let config = Arc::new(server.config().unwrap());

    folder.write("server.crt", &authority.issue("two", &["gateway.test"]).certificate);
    folder.write("ca.crt", other.certificate());
    assert!(matches!(server.reload_identity(), Err(TlsError::Content { path, .. }) if path == identity.key));
    assert!(server.reload_authorities().unwrap());
    assert!(talk(&ours, &config).is_err(), "the authority was taken back");
    std::fs::remove_file(&identity.key).unwrap();
    folder.write("ca.crt", authority.certificate());
    assert!(matches!(server.reload_identity(), Err(TlsError::Read { path, .. }) if path == identity.key));
    assert!(server.reload_authorities().unwrap());
    assert!(talk(&ours, &config).is_ok(), "it counts again");

    // And the other way round.
    let second = folder.write_pair("server", &authority.issue("two", &["gateway.test"]));
    let shown = talk(&ours, &config).unwrap();
    folder.write("ca.crt", "nonsense");
    assert!(matches!(server.reload_authorities(), Err(TlsError::Content { path, .. }) if path == trusted));
    assert!(server.reload_identity().unwrap());
    assert_eq!(second, identity);
    assert_ne!(talk(&ours, &config).unwrap(), shown, "what is shown is new");
}

#[test]
fn both_versions_are_spoken_and_none_before() {
    let (folder, authority) = (Folder::new(), Authority::new("authority"));
    let trusted = folder.write("ca.crt", authority.certificate());
    let identity = folder.write_pair("server", &authority.issue("one", &["gateway.test"]));
    let server = Server::load(ServerFiles { identity, clients: ClientCertificates::NotAsked }).unwrap();
    let server = Arc::new(server.config().unwrap());
    let roots = Authorities::File(trusted).load().unwrap();
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let client = ClientConfig::builder_with_provider(crate::provider().unwrap())
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        assert!(talk(&Arc::new(client), &server).is_ok(), "{version:?}");
    }
}

#[test]
fn what_is_wrong_with_a_file_is_said_and_not_shown() {
    let (folder, authority) = (Folder::new(), Authority::new("authority"));
    let good = folder.write_pair("good", &authority.issue("one", &["gateway.test"]));
    let other = folder.write_pair("other", &authority.issue("two", &["gateway.test"]));
    let secret = folder.write("secret", "hunter2");
    let broken = folder.write("broken", "-----BEGIN PRIVATE KEY-----\nhunter2!\n-----END PRIVATE KEY-----\n");
    let missing = folder.0.path().join("missing");
    for (certificate, key, said) in [
        (&good.certificate, &other.key, "is not the key of the certificate"),
        (&secret, &good.key, "has no certificate in PEM form"),
        (&good.certificate, &secret, "has no private key in PEM form"),
        (&good.certificate, &broken, "is broken PEM"),
        (&missing, &good.key, "cannot read"),
    ] {
        let identity = KeyPair { certificate: certificate.clone(), key: key.clone() };
        let files = ServerFiles { identity, clients: ClientCertificates::NotAsked };
        let error = Server::load(files).unwrap_err();
        let (shown, debug) = (error.to_string(), format!("{error:?}"));
        assert!(shown.contains(said), "{shown}");
        assert!(!shown.contains("hunter2") && !debug.contains("hunter2"), "{shown} {debug}");
    }
}

#[test]
fn a_server_in_debug_form_shows_no_key() {
    let (folder, authority) = (Folder::new(), Authority::new("authority"));
    let issued = authority.issue("one", &["gateway.test"]);
    let identity = folder.write_pair("server", &issued);
    let server = Server::load(ServerFiles { identity, clients: ClientCertificates::NotAsked }).unwrap();
    let shown = format!("{server:?}");
    let line = issued.key.lines().nth(1).unwrap();
    let bytes = format!("{:?}", line.as_bytes());
    assert!(!shown.contains(line) && !shown.contains(bytes.trim_matches(['[', ']'])));
}
