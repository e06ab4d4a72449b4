//! With the example of RFC 7677, and one of the same form for SHA-512 that was computed elsewhere.

use std::sync::LazyLock;

use futures::{FutureExt, executor::block_on};
use proptest::prelude::*;

use super::*;

const NONCE: &str = "rOprNGfwEbeRWgbNEkqO";
const FIRST: &str = "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

fn begin(hash: ScramHash, derived: &Derived) -> Scram<'_> {
    Scram::with_nonce(hash, "user", "pencil".to_owned(), NONCE.to_owned(), derived)
}

fn answer(scram: &mut Scram<'_>, challenge: &[u8]) -> Result<Option<Vec<u8>>, Refusal> {
    block_on(scram.answer(challenge, &Aside::default()))
}

fn said(scram: &mut Scram<'_>, challenge: &str) -> String {
    String::from_utf8(answer(scram, challenge.as_bytes()).unwrap().unwrap()).unwrap()
}

#[test]
fn the_example_of_rfc_7677() {
    let derived = Derived::default();
    // The second time with what was derived the first time.
    for _ in 0..2 {
        let mut scram = begin(ScramHash::Sha256, &derived);
        assert_eq!(said(&mut scram, ""), "n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        assert_eq!(
            said(&mut scram, FIRST),
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
             p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
        );
        let verified = answer(&mut scram, b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
        assert_eq!(verified, Ok(None));
    }
}

#[test]
fn the_same_with_sha_512() {
    let derived = Derived::default();
    let mut scram = begin(ScramHash::Sha512, &derived);
    said(&mut scram, "");
    assert_eq!(
        said(&mut scram, FIRST),
        "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,\
         p=gMGXRcevScNtxZ6/8lQYpGtnsNAc3mGcmNomv+xnoOMw+3R2xNJdMNnzMlTN8PPC6wdp6dybEmDYXYTxwnYPJQ=="
    );
    let verified = answer(
        &mut scram,
        b"v=ZQnYEgWQMFmmsM8aQMF0nDDCy/AgCzkwk8CmMZYcMg0vSVlKDanekLtifDSeVGT4+5ZxXnJq199RVG2rR7N7Zw==",
    );
    assert_eq!(verified, Ok(None));
}

#[test]
fn what_is_derived_from_another_password_or_salt_is_not_used() {
    let (derived, salt) = (Derived::default(), b"salt".to_vec());
    let hash = ScramHash::Sha256;
    let get = |password: &str, salt: &[u8]| {
        let recipe =
            Recipe { password: password.to_owned(), salt: salt.to_vec(), iterations: MIN_ITERATIONS };
        block_on(derived.get(hash, recipe, &Aside::default())).unwrap()
    };
    let first = get("pencil", &salt);
    assert_eq!(first, get("pencil", &salt));
    assert_ne!(first, get("eraser", &salt));
    assert_ne!(first, get("pencil", b"pepper"));
    assert_eq!(first, get("pencil", &salt));
}

/// Whoever logs in has one thread for heartbeats and callers, too.
#[test]
fn a_dear_key_is_derived_where_it_holds_up_nobody() {
    let (derived, aside) = (Derived::default(), Aside::default());
    let mut scram = begin(ScramHash::Sha256, &derived);
    said(&mut scram, "");
    let all_places = aside.take_all();
    let mut proving = Box::pin(scram.answer(FIRST.as_bytes(), &aside));
    assert!(proving.as_mut().now_or_never().is_none(), "it was derived on the spot");
    drop(all_places);
    assert!(block_on(proving).is_ok_and(|proof| proof.is_some()));
}

#[test]
fn a_name_keeps_its_commas_and_equals_signs() {
    let derived = Derived::default();
    let mut scram = Scram::with_nonce(ScramHash::Sha256, "a=b,c", String::new(), "n".to_owned(), &derived);
    assert_eq!(said(&mut scram, ""), "n,,n=a=3Db=2Cc,r=n");
}

#[test]
fn a_broker_that_does_not_know_the_password_is_found_out() {
    let derived = Derived::default();
    for (last, refusal) in [
        ("v=AAAA", "it is not the one it seems to be"),
        ("v=", "it is not the one it seems to be"),
        ("e=other-error", "other-error"),
        ("", "not one of SCRAM"),
        ("x", "not one of SCRAM"),
    ] {
        let mut scram = begin(ScramHash::Sha256, &derived);
        said(&mut scram, "");
        said(&mut scram, FIRST);
        let error = answer(&mut scram, last.as_bytes()).unwrap_err();
        assert!(error.contains(refusal), "{last}: {error}");
    }
}

#[test]
fn a_broker_gets_no_cheap_proof_no_endless_work_and_none_for_another_login() {
    let derived = Derived::default();
    for (first, refusal) in [
        ("r=rOprNGfwEbeRWgbNEkqOX,s=W22Z,i=4095", "4095 iterations"),
        ("r=rOprNGfwEbeRWgbNEkqOX,s=W22Z,i=100001", "100001 iterations"),
        ("r=rOprNGfwEbeRWgbNEkqOX,s=W22Z,i=many", "many iterations"),
        ("r=rOprNGfwEbeRWgbNEkqO,s=W22Z,i=4096", "not to this login"),
        ("r=somebody-elses-nonce-it-is,s=W22Z,i=4096", "not to this login"),
        ("r=rOprNGfwEbeRWgbNEkqOX,s=?,i=4096", "not base64"),
        ("r=rOprNGfwEbeRWgbNEkqOX", "not one of SCRAM"),
        ("", "not one of SCRAM"),
    ] {
        let mut scram = begin(ScramHash::Sha256, &derived);
        said(&mut scram, "");
        let error = answer(&mut scram, first.as_bytes()).unwrap_err();
        assert!(error.contains(refusal), "{first}: {error}");
    }
}

#[test]
fn nonces_differ_and_are_printable() {
    let derived = Derived::default();
    let nonce = || {
        let scram = Scram::begin(ScramHash::Sha256, "user", String::new(), &derived).unwrap();
        assert!(scram.nonce.bytes().all(|byte| byte.is_ascii_graphic() && byte != b','));
        scram.nonce
    };
    assert_ne!(nonce(), nonce());
}

/// The broker's first and last message, a line of two hyphens between them.
#[test]
fn fuzz_scram() {
    static DERIVED: LazyLock<Derived> = LazyLock::new(Derived::default);
    fuzz::Target::new("scram").run(|input| {
        let [first, last] = fuzz::parts(input);
        for hash in [ScramHash::Sha256, ScramHash::Sha512] {
            let mut scram = begin(hash, &DERIVED);
            said(&mut scram, "");
            match answer(&mut scram, first) {
                Err(refusal) => assert!(!refusal.contains("pencil"), "no secret in {refusal}"),
                Ok(proof) => {
                    let proof = String::from_utf8(proof.expect("a proof")).unwrap();
                    assert!(proof.starts_with(&format!("c=biws,r={NONCE}")), "to this login: {proof}");
                    if answer(&mut scram, last).is_ok() {
                        // The signature covers the first message: that of the examples, and no other.
                        assert_eq!(first, FIRST.as_bytes());
                    }
                }
            }
        }
    });
}

proptest! {
    #[test]
    fn no_message_of_a_broker_makes_it_panic(first: Vec<u8>, last: Vec<u8>) {
        static DERIVED: LazyLock<Derived> = LazyLock::new(Derived::default);
        let mut scram = begin(ScramHash::Sha256, &DERIVED);
        let _ = answer(&mut scram, b"");
        let _ = answer(&mut scram, &first);
        let _ = answer(&mut scram, &last);
        let mut scram = begin(ScramHash::Sha256, &DERIVED);
        let _ = answer(&mut scram, b"");
        let _ = answer(&mut scram, FIRST.as_bytes());
        prop_assert!(answer(&mut scram, &last).is_err());
    }
}
