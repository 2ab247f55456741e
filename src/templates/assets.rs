//! The stylesheet and pictures, inside the binary. A file's address carries its hash, so browsers
//! may keep it for ever.
use rust_embed::Embed;
use std::borrow::Cow;

#[derive(Embed)]
#[folder = "assets"]
struct Files;

/// A file of `assets/`.
#[derive(Debug)]
pub struct Asset {
    /// Its bytes.
    pub bytes: Cow<'static, [u8]>,
    /// Its media type.
    pub media_type: &'static str,
}

/// The last part of a file's address: its hash and its name.
pub fn address(name: &str) -> Option<String> {
    let file = Files::get(name)?;
    let hash: String = hex::encode(file.metadata.sha256_hash())
        .chars()
        .take(16)
        .collect();
    Some(format!("{hash}-{name}"))
}

/// The file at an address. An address with an old hash finds nothing, lest a browser keep new
/// bytes under an old name.
pub fn find(wanted: &str) -> Option<Asset> {
    let (_, name) = wanted.split_once('-')?;
    if address(name)? != wanted {
        return None;
    }
    let file = Files::get(name)?;
    Some(Asset {
        bytes: file.data,
        media_type: media_type(name),
    })
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_stylesheet_is_found_at_its_own_address_only() {
        let address = address("countersign.css").unwrap();
        assert_eq!(
            find(&address).unwrap().media_type,
            "text/css; charset=utf-8"
        );
        assert!(find("0123456789abcdef-countersign.css").is_none());
        assert!(find("../Cargo.toml").is_none());
    }
}
