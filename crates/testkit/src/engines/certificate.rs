//! A certificate for a server on 127.0.0.1, and the authority, made for it alone, that vouches for it.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The files of both; all are PEM.
pub struct Certificate {
    folder: PathBuf,
}

impl Certificate {
    /// Makes them in `folder`, with the `openssl` command.
    pub fn make(folder: &Path) -> Self {
        let made = Self { folder: folder.to_owned() };
        let [authority, authority_key] = [made.authority(), made.path("authority.key")];
        openssl(&["-subj", "/CN=Poltrona's tests"], &authority_key, &authority);
        let authority = authority.to_str().expect("a path in UTF-8");
        let authority_key = authority_key.to_str().expect("a path in UTF-8");
        let signed = [
            ["-CA", authority],
            ["-CAkey", authority_key],
            ["-subj", "/CN=localhost"],
            ["-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"],
            ["-addext", "basicConstraints=critical,CA:FALSE"],
        ];
        openssl(signed.as_flattened(), &made.key(), &made.certificate());
        made
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The authority's certificate, for clients to trust.
    pub fn authority(&self) -> PathBuf {
        self.path("authority.pem")
    }

    /// The server's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.path("server.pem")
    }

    /// The server's private key.
    pub fn key(&self) -> PathBuf {
        self.path("server.key")
    }
}

/// Makes a key and a certificate for two days.
fn openssl(arguments: &[&str], key: &Path, certificate: &Path) {
    let mut command = Command::new("openssl");
    command.args(["req", "-x509", "-days", "2", "-nodes", "-newkey", "ec"]);
    command.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]).args(arguments);
    command.arg("-keyout").arg(key).arg("-out").arg(certificate);
    let output = command.output().expect("openssl is installed: apt-get install openssl");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
