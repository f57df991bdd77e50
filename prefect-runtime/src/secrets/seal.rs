//! Sealing: a value goes in, bytes come out that only the key opens, and only under the same name.
use std::fmt;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use zeroize::Zeroizing;

/// In bytes.
const KEY: usize = 32;
const NONCE: usize = 24;

/// Before the name, so that bytes of a later way to seal are not taken for this one's.
const SECRET: &[u8] = b"prefect secret 1\0";

/// What the tag of a key's id is made of. Its nonce is all zeros, and seals nothing else.
const ID: &[u8] = b"prefect secrets key 1";

/// The key of the secrets database. It is wiped from memory when it is dropped.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; KEY]>);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

impl Key {
    pub(super) fn random() -> Result<Self, getrandom::Error> {
        let mut key = Zeroizing::new([0; KEY]);
        getrandom::fill(&mut *key)?;
        Ok(Self(key))
    }

    /// From base64 or hex of 32 bytes.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().as_bytes();
        let bytes = if text.len() == 2 * KEY {
            HEXLOWER_PERMISSIVE.decode(text).ok()
        } else {
            [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD].iter().find_map(|way| way.decode(text).ok())
        };
        let bytes = Zeroizing::new(bytes?);
        Some(Self(Zeroizing::new(bytes.as_slice().try_into().ok()?)))
    }

    /// As [`parse`](Self::parse) reads it.
    pub(super) fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(HEXLOWER.encode(&*self.0))
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        XChaCha20Poly1305::new((&*self.0).into())
    }

    /// Tells keys apart, and nothing of them.
    pub(super) fn id(&self) -> Vec<u8> {
        let payload = Payload { msg: &[], aad: ID };
        self.cipher().encrypt(&XNonce::from([0; NONCE]), payload).expect("nothing is not too long")
    }

    /// A nonce, and the value under it. The name is bound to it: rows that are exchanged open no more.
    pub(super) fn seal(&self, name: &str, value: &str) -> Result<Vec<u8>, getrandom::Error> {
        let mut nonce = [0; NONCE];
        getrandom::fill(&mut nonce)?;
        let payload = Payload { msg: value.as_bytes(), aad: &bound(name) };
        let sealed = self.cipher().encrypt(&XNonce::from(nonce), payload).expect("a value is not too long");
        Ok([&nonce[..], &sealed].concat())
    }

    /// The value, if this key has sealed it under this name.
    pub(super) fn open(&self, name: &str, sealed: &[u8]) -> Option<Zeroizing<String>> {
        let (nonce, sealed) = sealed.split_first_chunk::<NONCE>()?;
        let payload = Payload { msg: sealed, aad: &bound(name) };
        let value = self.cipher().decrypt(&XNonce::from(*nonce), payload).ok()?;
        String::from_utf8(value).ok().map(Zeroizing::new)
    }
}

fn bound(name: &str) -> Vec<u8> {
    [SECRET, name.as_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_key_opens_and_only_under_the_name() {
        let (key, other) = (Key::random().unwrap(), Key::random().unwrap());
        let sealed = key.seal("A", "value").unwrap();
        assert_eq!(key.open("A", &sealed).unwrap().as_str(), "value");
        assert!(key.open("B", &sealed).is_none() && other.open("A", &sealed).is_none());
        assert_ne!(key.id(), other.id());
        // The same value looks different each time.
        assert_ne!(sealed, key.seal("A", "value").unwrap());
        for at in 0..sealed.len() {
            let mut changed = sealed.clone();
            changed[at] ^= 1;
            assert!(key.open("A", &changed).is_none(), "{at}");
            assert!(key.open("A", &sealed[..at]).is_none(), "{at}");
        }
    }

    #[test]
    fn a_key_is_read_as_hex_and_as_base64() {
        let key = Key::random().unwrap();
        let bytes = &*key.0;
        let texts = [
            key.to_text().to_string(),
            key.to_text().to_uppercase(),
            BASE64.encode(bytes),
            BASE64_NOPAD.encode(bytes),
            format!(" {}\n", BASE64URL.encode(bytes)),
        ];
        for text in texts {
            assert_eq!(Key::parse(&text).unwrap().id(), key.id());
        }
        for bad in ["", "00", "no key", &"zz".repeat(KEY), &"00".repeat(KEY + 1), &BASE64.encode(&[0; KEY - 1])] {
            assert!(Key::parse(bad).is_none(), "{bad}");
        }
        assert_eq!(format!("{key:?}"), "Key(..)");
    }

    /// What is in databases has to open for good.
    #[test]
    fn what_was_sealed_once_opens_for_good() {
        let key = Key::parse(&"07".repeat(KEY)).unwrap();
        let sealed = HEXLOWER.decode(SEALED.as_bytes()).unwrap();
        assert_eq!(key.open("TOKEN", &sealed).unwrap().as_str(), "s3cret");
        assert_eq!(HEXLOWER.encode(&key.id()), KEY_ID);
    }

    const SEALED: &str = "000102030405060708090a0b0c0d0e0f1011121314151617db24c8f79f689604c44cde18366f49ba18befa7d1d3c";
    const KEY_ID: &str = "bd638ea62950c1e5a42f0591f856de0e";
}
