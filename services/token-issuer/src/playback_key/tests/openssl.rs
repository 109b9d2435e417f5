//! Key files as OpenSSL 3 writes them, and what editors and shells make of them on their way into a
//! secret. The keys were made for this test alone.

use base64::prelude::BASE64_STANDARD;

use crate::playback_key::PlaybackKey;

use super::Engine;

/// `openssl ecparam -name secp384r1 -genkey`, and
/// `openssl ec -pubout -outform DER | openssl md5 -c` of it.
const ECPARAM: (&str, &str) = (
    "-----BEGIN EC PARAMETERS-----
BgUrgQQAIg==
-----END EC PARAMETERS-----
-----BEGIN EC PRIVATE KEY-----
MIGkAgEBBDAvcgChSyBJNjYu2p7x05Q5nUD4+1+cA+a/7TWlHvnOTKY25VQoLUjS
2dNeB5tw7GCgBwYFK4EEACKhZANiAAQLLYEFox69CJlUZibN3dZc6tA3jPN7JSds
kpI9IzoevGR2W0PoxToB5v//0hfYu2+ipfFK8gWNytcuvQO//Y/TaRjIxbpq4X+C
hDgPeeGlZdJPUeZEkPZ5NNv0xOnzNXM=
-----END EC PRIVATE KEY-----
",
    "b9:44:ed:46:73:46:38:ba:20:c7:c4:77:33:eb:31:fa",
);

/// `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384`, and the same of it.
const GENPKEY: (&str, &str) = (
    "-----BEGIN PRIVATE KEY-----
MIG2AgEAMBAGByqGSM49AgEGBSuBBAAiBIGeMIGbAgEBBDCk3Mp8mF90Bcc0QPJH
XQ/yhHWEav1hQ5MLM1RmPdlSYn3ndIh8QV/VXtHK91quakihZANiAARD8/Uun8qS
HqU+aHAwbpc6bvLkn4CAtAhM3bb0xd92XG+TvDe6w8UUN8WiFiqRyqvs5yd45fd4
yNj/TiSfyMIgs8bPoxspjk6LTZDeUwSZgoi5mhYi0JbDcx3Z2e6bGSM=
-----END PRIVATE KEY-----
",
    "18:af:c7:38:20:f2:00:ec:d8:53:36:7d:0b:39:a1:71",
);

/// `base64` with lines of so many characters, as the tools of different systems write it.
fn base64(text: &str, width: usize, line_end: &str) -> String {
    let encoded = BASE64_STANDARD.encode(text);
    let lines: Vec<_> = encoded
        .as_bytes()
        .chunks(width)
        .map(|line| std::str::from_utf8(line).unwrap())
        .collect();
    lines.join(line_end) + line_end
}

#[test]
fn a_file_of_openssl_is_read_whatever_happened_to_its_white_space() {
    for (file, fingerprint) in [ECPARAM, GENPKEY] {
        let dos = file.replace('\n', "\r\n");
        for (case, secret) in [
            ("as it is", file.to_owned()),
            ("DOS line ends", dos.clone()),
            ("old Mac line ends", file.replace('\n', "\r")),
            ("no last line end", file.trim_end().to_owned()),
            ("blanks at line ends", file.replace('\n', " \t\n")),
            ("blank lines around", format!("\n\n  \n{file}\n \n")),
            ("a byte order mark", format!("\u{feff}{file}")),
            ("words before", format!("Private-Key: (384 bit)\n{file}")),
            ("base64 in one line", BASE64_STANDARD.encode(file)),
            (
                "base64 with a line end",
                BASE64_STANDARD.encode(file) + "\n",
            ),
            ("base64 on Linux", base64(file, 76, "\n")),
            ("base64 by OpenSSL", base64(file, 64, "\n")),
            ("base64 with DOS line ends", base64(file, 64, "\r\n")),
            ("base64 of DOS line ends", base64(&dos, 76, "\r\n")),
        ] {
            let key =
                PlaybackKey::read(secret.as_bytes()).map_err(|error| format!("{case}: {error}"));
            assert_eq!(key.unwrap().fingerprint(), fingerprint, "{case}");
        }
    }
}
