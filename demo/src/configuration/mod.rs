//! What the application is told before it starts: by flags, by the environment, by a file.
//!
//! A setting has one name in all three; what every machine sets differently may stand in the environment. Flags win over
//! the environment, the environment over the file, the file over the defaults, which are safe behind a proxy that ends
//! TLS.

mod file;
mod given;
mod limit;
mod network;
mod origin;
mod secret;

use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU32;

use clap::Parser as _;
use cloakroom::auth::{Addresses, Auth};
use cloakroom::{
    CookieConfig, KeyRing, Lifetime, Protection, SessionLimit, SessionManager, Transport, WhenFull,
};

use self::given::{AddressOption, CommandLine, Given};
use self::secret::{AddressSecret, DatabaseUrl};
use crate::users::{User, Users};

pub(crate) use self::given::TransportOption;
pub(crate) use self::limit::{Limit, in_words};
pub(crate) use self::network::Network;
pub(crate) use self::origin::Origin;

/// A database file in the working folder.
const DATABASE_URL: &str = "sqlite:cloakroom-demo.sqlite";
const LISTEN: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 3000);

/// Enough for every device that anybody has, and a bound for whoever has a stolen password.
const SESSIONS_PER_USER: NonZeroU32 = NonZeroU32::new(20).unwrap();

/// What the program is started for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Task {
    Serve,
    SignEverybodyOut,
}

/// Everything, decided.
#[derive(Debug)]
pub(crate) struct Configuration {
    pub(crate) database_url: DatabaseUrl,
    pub(crate) listen: SocketAddr,
    /// Peers whose forwarded headers are believed. Nobody's, by default.
    pub(crate) trusted_proxies: Vec<Network>,
    /// What browsers have in their address bar, if it was said.
    pub(crate) public_origin: Option<Origin>,
    /// How long a session lives that nobody asked to remember.
    pub(crate) lifetime: Lifetime,
    /// How long one lives that somebody did.
    pub(crate) remembered: Lifetime,
    pub(crate) sessions_per_user: NonZeroU32,
    pub(crate) addresses: Addresses,
    pub(crate) transport: TransportOption,
    keys: Option<KeyRing>,
}

impl Configuration {
    /// Reads flags, environment and file.
    ///
    /// # Errors
    /// With one line that says what to do, and never with a secret. Help and mistakes of the command line end the
    /// process, as [`clap::Parser::parse`] does.
    pub(crate) fn read() -> Result<(Task, Self), String> {
        let line = CommandLine::parse();
        let task = if line.sign_everybody_out { Task::SignEverybodyOut } else { Task::Serve };
        let keys = secret::from_environment()?;
        let environment = Given { session_keys: keys, ..line.given };
        let configuration = Self::decide(environment.or(file::read(line.config.as_deref())?))?;
        Ok((task, configuration))
    }

    /// Fills in the defaults.
    ///
    /// # Errors
    /// When settings contradict each other.
    fn decide(given: Given) -> Result<Self, String> {
        let limit = |given: Option<Limit>, default: Limit| given.unwrap_or(default).duration();
        let configuration = Self {
            database_url: given.database_url.unwrap_or_else(|| DatabaseUrl::from(DATABASE_URL)),
            listen: given.listen.unwrap_or(LISTEN),
            trusted_proxies: given.trusted_proxies.unwrap_or_default(),
            public_origin: given.public_origin,
            lifetime: Lifetime::idle(limit(given.idle, Limit::HOUR))
                .with_absolute(limit(given.absolute, Limit::DAY)),
            remembered: Lifetime::absolute(limit(given.remembered, Limit::THIRTY_DAYS)).persistent(),
            sessions_per_user: given.sessions_per_user.unwrap_or(SESSIONS_PER_USER),
            addresses: addresses(given.addresses, given.address_key)?,
            transport: given.transport.unwrap_or(TransportOption::Secure),
            keys: given.session_keys.map(|keys| keys.0),
        };
        configuration.check()?;
        Ok(configuration)
    }

    /// A cookie without Secure must not leave this machine, and one with it does not arrive over HTTP elsewhere.
    fn check(&self) -> Result<(), String> {
        if self.transport == TransportOption::LocalhostDevelopment && !self.listen.ip().is_loopback() {
            return Err(format!(
                "transport localhost-development sends the session cookie in the clear, and {} can be reached from \
                 other machines: listen on 127.0.0.1, or leave the setting out",
                self.listen.ip(),
            ));
        }
        match &self.public_origin {
            Some(origin) if !origin.is_https() && !origin.is_this_machine() => Err(format!(
                "public_origin {origin} is not HTTPS, and browsers keep the session cookie over nothing else: put a \
                 proxy that ends TLS before the application, and name what it serves",
            )),
            _ => Ok(()),
        }
    }

    /// Whose sessions they are, and what they may do with them.
    pub(crate) fn auth(&self, manager: SessionManager, users: Users) -> Auth<User> {
        let limit = SessionLimit { most: self.sessions_per_user, when_full: WhenFull::EndOldest };
        Auth::builder(manager, users)
            .remembered(self.remembered)
            .session_limit(limit)
            .addresses(self.addresses.clone())
            .build()
    }

    /// How long a session lives at most whose user asked to be remembered, in words.
    pub(crate) fn remembered_for(&self) -> String {
        self.remembered.absolute_limit().map(in_words).unwrap_or_default()
    }

    /// The cookie has a name of its own, because cookies know no ports: every application on localhost sees it.
    pub(crate) fn cookie(&self) -> CookieConfig {
        let cookie = CookieConfig::new("__Host-cloakroom-demo");
        let cookie = match self.transport {
            TransportOption::Secure => cookie,
            TransportOption::LocalhostDevelopment => cookie.transport(Transport::LocalhostDevelopment),
        };
        match &self.keys {
            Some(keys) => cookie.protection(Protection::Signed(keys.clone())),
            None => cookie,
        }
    }
}

fn addresses(option: Option<AddressOption>, key: Option<AddressSecret>) -> Result<Addresses, String> {
    Ok(match option.unwrap_or(AddressOption::Truncated) {
        AddressOption::Full => Addresses::Full,
        AddressOption::Truncated => Addresses::Truncated,
        AddressOption::Off => Addresses::Off,
        AddressOption::Hashed => {
            let missing =
                "addresses are hashed under address_key, which is missing; `openssl rand -hex 32` makes one";
            Addresses::Hashed(key.ok_or(missing)?.0)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decided(text: &str) -> Result<Configuration, String> {
        Configuration::decide(file::parse(text)?)
    }

    #[test]
    fn the_example_says_the_defaults() {
        let example = include_str!("../../cloakroom.example.toml");
        let (shown, default) = (decided(example).unwrap(), decided("").unwrap());
        assert_eq!(format!("{shown:?}"), format!("{default:?}"));
        let is_setting = |line: &&str| {
            let name = line.split_once(" = ").map_or(" ", |(name, _)| name);
            name.chars().all(|letter| letter.is_ascii_lowercase() || letter == '_')
        };
        let lines = example.lines().map(|line| line.trim_start_matches("# "));
        let without_comments = lines.filter(is_setting).collect::<Vec<_>>().join("\n");
        let every = file::parse(&without_comments).unwrap();
        assert!(every.session_keys.is_some() && every.trusted_proxies.is_some() && every.transport.is_some());
    }

    #[test]
    fn a_cookie_without_secure_stays_on_this_machine() {
        let configuration =
            |listen: &str| decided(&format!("transport = 'localhost-development'\nlisten = '{listen}'"));
        assert!(configuration("127.0.0.1:0").is_ok());
        assert!(configuration("[::1]:0").is_ok());
        assert!(configuration("0.0.0.0:0").unwrap_err().contains("127.0.0.1"));
    }

    #[test]
    fn only_localhost_is_public_without_tls() {
        let configuration = |origin: &str| decided(&format!("public_origin = '{origin}'"));
        assert!(configuration("https://shop.example").is_ok());
        assert!(configuration("http://localhost:3000").is_ok());
        assert!(configuration("http://shop.example").unwrap_err().contains("HTTPS"));
    }

    #[test]
    fn addresses_are_hashed_under_a_key() {
        assert!(decided("addresses = 'hashed'").unwrap_err().contains("address_key"));
        let key = "4".repeat(64);
        let configuration = decided(&format!("addresses = 'hashed'\naddress_key = '{key}'")).unwrap();
        assert!(!format!("{configuration:?}").contains("444"));
    }

    #[test]
    fn no_secret_is_printed_with_the_rest() {
        let key = "5".repeat(63) + "6";
        let text = format!("database_url = 'postgres://ann:s3cret@db/shop'\nsession_keys = ['{key}']");
        let printed = format!("{:?}", decided(&text).unwrap());
        assert!(!printed.contains("s3cret") && !printed.contains(&key), "{printed}");
    }

    #[test]
    fn what_is_given_first_wins() {
        let flags = file::parse("listen = '127.0.0.1:1'").unwrap();
        let given = flags.or(file::parse("listen = '127.0.0.1:2'\nidle = '5m'").unwrap());
        let configuration = Configuration::decide(given).unwrap();
        assert_eq!(configuration.listen.port(), 1);
        assert_eq!(configuration.lifetime.idle_limit().unwrap().as_secs(), 300);
    }
}
