//! The hosts to which a user may be sent back over plain HTTP, as those of containers that people develop in.

/// `localapi.redirect_http_hosts`: names of hosts, with `*.` in front for all below one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HttpHosts(Vec<String>);

/// None at all.
pub static NO_HTTP_HOSTS: HttpHosts = HttpHosts(Vec::new());

impl HttpHosts {
    /// Reads names between commas or white space; `None` where one is none.
    pub fn parse(text: &str) -> Option<Self> {
        let names = text.split([',', ' ', '\t']).filter(|name| !name.is_empty());
        names.map(|name| is_name(name).then(|| name.to_ascii_lowercase())).collect::<Option<_>>().map(Self)
    }

    /// Whether a host is one of them.
    pub fn allow(&self, host: &str) -> bool {
        let host = host.to_ascii_lowercase();
        self.0.iter().any(|name| match name.strip_prefix('*') {
            Some(end) => host.strip_suffix(end).is_some_and(|left| left.split('.').all(|label| !label.is_empty())),
            None => host == *name,
        })
    }
}

/// Letters, digits and hyphens between dots (RFC 1123 §2.1), and underscores, which containers have.
fn is_name(name: &str) -> bool {
    let name = name.strip_prefix("*.").unwrap_or(name);
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    name.split('.').all(is_label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_or_below_one_that_is() {
        let hosts = HttpHosts::parse("app, My_App.internal\t*.dev.example 10.0.0.7,").unwrap();
        for allowed in ["app", "APP", "my_app.internal", "a.dev.example", "a.b.DEV.example", "10.0.0.7"] {
            assert!(hosts.allow(allowed), "{allowed}");
        }
        for other in [
            "",
            "app2",
            "app.example",
            "x.app",
            "dev.example",
            ".dev.example.com",
            "xdev.example",
            "a..dev.example",
            ".a.dev.example",
            "10.0.0.8",
        ] {
            assert!(!hosts.allow(other), "{other}");
        }
        assert!(!NO_HTTP_HOSTS.allow("app") && !HttpHosts::parse(" ").unwrap().allow(""));
    }

    #[test]
    fn what_is_no_name_of_a_host_is_refused() {
        for text in
            ["*", "*.", "a..b", "a.*.b", "http://app", "app:8080", "app/", "b\u{fc}cher", "*app", "[::1]", "a;b"]
        {
            assert_eq!(HttpHosts::parse(text), None, "{text}");
        }
    }
}
