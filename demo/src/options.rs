//! The command line.

use std::net::SocketAddr;

use clap::{Parser, ValueEnum};
use cloakroom::{CookieConfig, Lifetime, Transport};

use crate::limit::Limit;

/// A small application whose pages show Cloakroom's sessions at work.
///
/// It keeps a visitor's sessions in a database, so they survive a restart: leave something at the counter, stop the
/// demo with Ctrl-C, start it again and reload the page.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "these sentences are shown in a terminal")]
#[command(version)]
pub(crate) struct Options {
    /// Where sessions are kept.
    ///
    /// sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE (MariaDB too). The
    /// table is created if it is missing. A password is safer in the environment than on the command line, which other
    /// users of the machine can see.
    #[arg(long, value_name = "URL", default_value = "sqlite:cloakroom-demo.sqlite")]
    #[arg(env = "CLOAKROOM_DEMO_DATABASE", hide_env_values = true)]
    pub(crate) database: String,

    /// Address and port to listen on; port 0 takes any free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:3000")]
    pub(crate) listen: SocketAddr,

    /// How long a session lives without a visit, such as 90s, 30m, 12h or 7d.
    #[arg(long, value_name = "TIME", default_value = "1h")]
    pub(crate) idle: Limit,

    /// How long a session lives at most, however busy it is.
    #[arg(long, value_name = "TIME", default_value = "24h")]
    pub(crate) absolute: Limit,

    /// Over what the browser reaches the demo.
    #[arg(long, value_name = "TRANSPORT", default_value = "secure")]
    pub(crate) transport: TransportOption,
}

/// [`Transport`] on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[allow(clippy::doc_markdown, reason = "these sentences are shown in a terminal")]
pub(crate) enum TransportOption {
    /// The cookie is __Host- and Secure. Chromium and Firefox take it on http://localhost as well.
    Secure,
    /// A plain cookie for Safari, which takes Secure cookies over HTTPS only. Needs a loopback address.
    LocalhostDevelopment,
}

impl Options {
    /// What the policy says of every session.
    pub(crate) fn lifetime(&self) -> Lifetime {
        Lifetime::idle(self.idle.duration()).with_absolute(self.absolute.duration())
    }

    /// The cookie has a name of its own, because cookies know no ports: every application on localhost sees it.
    ///
    /// # Errors
    /// When a cookie without Secure would leave this machine.
    pub(crate) fn cookie(&self) -> Result<CookieConfig, String> {
        let cookie = CookieConfig::new("__Host-cloakroom-demo");
        match self.transport {
            TransportOption::Secure => Ok(cookie),
            TransportOption::LocalhostDevelopment if self.listen.ip().is_loopback() => {
                Ok(cookie.transport(Transport::LocalhostDevelopment))
            }
            TransportOption::LocalhostDevelopment => Err(format!(
                "--transport localhost-development sends the session cookie in the clear, and {} can be reached from \
                 other machines: listen on 127.0.0.1, or leave the option out",
                self.listen.ip(),
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        Options::command().debug_assert();
    }

    #[test]
    fn a_cookie_without_secure_stays_on_this_machine() {
        let options = |listen: &str| {
            Options::parse_from(["demo", "--transport", "localhost-development", "--listen", listen])
        };
        assert!(options("127.0.0.1:0").cookie().is_ok());
        assert!(options("[::1]:0").cookie().is_ok());
        assert!(options("0.0.0.0:0").cookie().unwrap_err().contains("127.0.0.1"));
    }
}
