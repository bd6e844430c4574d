//! The settings as they may be given. Each has one name, as a flag, in the environment and in the file.

use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use clap::{Args, Parser, ValueEnum};
use serde::Deserialize;

use super::limit::Limit;
use super::network::Network;
use super::origin::Origin;
use super::secret::{AddressSecret, DatabaseUrl, SessionKeys};

/// A complete application on Cloakroom: sign-up, sign-in, your devices, sign-out everywhere.
///
/// It needs no configuration: users and sessions are kept in a SQLite file in this folder. Every option below may also
/// stand in a file, and the ones that name a variable in the environment; flags win over the environment, the
/// environment over the file. The key ring, SESSION_KEYS, may not be a flag, because other users of a machine can see
/// those.
#[derive(Debug, Parser)]
#[allow(clippy::doc_markdown, reason = "these sentences are shown in a terminal")]
#[command(version)]
pub(crate) struct CommandLine {
    /// A file with settings; without it cloakroom.toml in this folder is read, if it is there.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,

    /// Signs everybody out, on every server that has this database, and ends.
    #[arg(long)]
    pub(crate) sign_everybody_out: bool,

    #[command(flatten)]
    pub(crate) given: Given,
}

/// One source of settings.
#[derive(Debug, Default, Args, Deserialize)]
#[allow(clippy::doc_markdown, rustdoc::bare_urls, reason = "these sentences are shown in a terminal")]
#[serde(deny_unknown_fields)]
pub(crate) struct Given {
    /// Where users and sessions are kept [default: sqlite:cloakroom-demo.sqlite].
    ///
    /// sqlite:FILE, postgres://USER:PASSWORD@HOST/DATABASE or mysql://USER:PASSWORD@HOST/DATABASE (MariaDB too). Tables
    /// are created if they are missing. A password is safer in the environment than on the command line.
    #[arg(long, value_name = "URL", env, hide_env_values = true)]
    pub(crate) database_url: Option<DatabaseUrl>,

    /// Secrets that sign the session cookie. The first writes, the others are still read.
    #[arg(skip)]
    pub(crate) session_keys: Option<SessionKeys>,

    /// Address and port to listen on; port 0 takes any free one [default: 127.0.0.1:3000].
    #[arg(long, value_name = "ADDRESS:PORT", env)]
    pub(crate) listen: Option<SocketAddr>,

    /// Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed, such as 10.0.0.0/8,::1 [default: none].
    #[arg(long, value_name = "NETWORKS", env, value_delimiter = ',')]
    pub(crate) trusted_proxies: Option<Vec<Network>>,

    /// What browsers have in their address bar, such as https://shop.example [default: what they say].
    #[arg(long, value_name = "ORIGIN", env)]
    pub(crate) public_origin: Option<Origin>,

    /// How long a session lives without a visit, such as 90s, 30m, 12h or 7d [default: 1h].
    #[arg(long, value_name = "TIME")]
    pub(crate) idle: Option<Limit>,

    /// How long a session lives at most, however busy it is [default: 24h].
    #[arg(long, value_name = "TIME")]
    pub(crate) absolute: Option<Limit>,

    /// How long a session lives whose user asked to be remembered [default: 30d].
    #[arg(long, value_name = "TIME")]
    pub(crate) remembered: Option<Limit>,

    /// How many sessions a user may have at once; signing in ends the oldest beyond [default: 20].
    #[arg(long, value_name = "NUMBER")]
    pub(crate) sessions_per_user: Option<NonZeroU32>,

    /// The key for addresses that are kept as hashes.
    #[arg(skip)]
    pub(crate) address_key: Option<AddressSecret>,

    /// What is kept of the address of a device [default: truncated].
    #[arg(long, value_name = "POLICY")]
    pub(crate) addresses: Option<AddressOption>,

    /// Over what browsers reach the application [default: secure].
    #[arg(long, value_name = "TRANSPORT")]
    pub(crate) transport: Option<TransportOption>,
}

/// What is kept of addresses, and what *your devices* shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum AddressOption {
    /// The whole address.
    Full,
    /// The network it is in.
    Truncated,
    /// A hash under the setting `address_key`, which tells only whether two are the same.
    Hashed,
    /// Nothing.
    Off,
}

/// [`cloakroom::Transport`], as a setting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum, Deserialize)]
#[allow(clippy::doc_markdown, reason = "these sentences are shown in a terminal")]
#[serde(rename_all = "kebab-case")]
pub(crate) enum TransportOption {
    /// The cookie is __Host- and Secure. Chromium and Firefox take it on http://localhost as well.
    Secure,
    /// A plain cookie for Safari, which takes Secure cookies over HTTPS only. Needs a loopback address.
    LocalhostDevelopment,
}

impl Given {
    /// What `self` does not say is as `other` says.
    pub(crate) fn or(self, other: Self) -> Self {
        Self {
            database_url: self.database_url.or(other.database_url),
            session_keys: self.session_keys.or(other.session_keys),
            listen: self.listen.or(other.listen),
            trusted_proxies: self.trusted_proxies.or(other.trusted_proxies),
            public_origin: self.public_origin.or(other.public_origin),
            idle: self.idle.or(other.idle),
            absolute: self.absolute.or(other.absolute),
            remembered: self.remembered.or(other.remembered),
            sessions_per_user: self.sessions_per_user.or(other.sessions_per_user),
            address_key: self.address_key.or(other.address_key),
            addresses: self.addresses.or(other.addresses),
            transport: self.transport.or(other.transport),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn the_command_line_is_consistent() {
        CommandLine::command().debug_assert();
    }
}
