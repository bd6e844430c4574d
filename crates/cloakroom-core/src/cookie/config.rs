//! What an application says about its session cookie.

use cookie::Cookie;

use super::attribute::{check_domain, check_path};
use super::error::CookieConfigError;
use super::name::CookieName;
use super::protection::{Protection, Sealer};
use super::session_cookie::SessionCookie;

/// The session cookie's settings. [`CookieConfig::build`] checks them and gives the [`SessionCookie`].
///
/// # Default
/// ```text
/// __Host-id=<43 characters>; HttpOnly; SameSite=Lax; Secure; Path=/
/// ```
/// `HttpOnly` cannot be turned off: no script has a use for the id (ASVS 3.3.4). The lifetime is not a setting of the
/// cookie; it belongs to the session, see [`Lifetime`](crate::Lifetime).
///
/// Changing name, path or domain of a running site ends its sessions. Change the name whenever path or domain change:
/// a browser keeps the old cookie beside the new one and sends both, and two different values are refused.
///
/// ```
/// use cloakroom_core::{CookieConfig, SameSite};
///
/// let cookie = CookieConfig::new("__Host-shop").same_site(SameSite::Strict).build()?;
/// assert_eq!(cookie.name(), "__Host-shop");
///
/// let mistake = CookieConfig::new("__Host-shop").domain("example.com").build();
/// assert_eq!(
///     mistake.unwrap_err().to_string(),
///     "a `__Host-` cookie must not have a Domain: remove it, or name the cookie `__Secure-…`",
/// );
/// # Ok::<(), cloakroom_core::CookieConfigError>(())
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until they are built into a SessionCookie"]
pub struct CookieConfig {
    name: String,
    path: String,
    domain: Option<String>,
    same_site: SameSite,
    partitioning: Partitioning,
    protection: Protection,
    transport: Transport,
}

/// On which requests from other sites browsers send the cookie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SameSite {
    /// On none, not even when a visitor follows a link: they arrive signed out.
    Strict,
    /// When a visitor follows a link, and not on other sites' forms, images, frames and scripts.
    #[default]
    Lax,
    /// On all. Every state-changing route then needs its own protection against forged requests.
    None,
}

/// Whether a page that is embedded in several sites has one cookie or one for each of them (CHIPS).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Partitioning {
    /// One cookie, which most browsers no longer send to embedded pages.
    #[default]
    Unpartitioned,
    /// One cookie for each embedding site.
    Partitioned,
}

/// Over what the browser reaches the application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transport {
    /// HTTPS. The cookie is `Secure`, also behind a proxy that ends TLS and passes plain HTTP on. Current Chromium and
    /// Firefox take such cookies, prefix and all, on `http://localhost` too; Safari does not.
    #[default]
    Secure,
    /// Plain HTTP on the developer's own machine, for Safari and for tools that know no exception for localhost.
    ///
    /// The cookie is written without `Secure`, without the prefix that demands it and without `Domain`: `__Host-id`
    /// becomes `id`. The settings are still checked as for production. [`CookieConfig::build`] logs a warning, since
    /// anybody on the way can read such a cookie where the host is not the developer's own. Cookies know no ports,
    /// so two applications on localhost need two names.
    LocalhostDevelopment,
}

impl CookieConfig {
    /// The default settings under another name.
    ///
    /// # Default
    /// `__Host-id`. It says nothing about the software behind it, and with `__Host-` a browser takes the cookie only
    /// from this very host, over HTTPS, for all paths (ASVS 3.3.1, RFC 6265bis section 4.1.3.2). `__Host-Http-`
    /// promises besides that no script set it, in browsers that know it.
    ///
    /// # Cost
    /// A name without a prefix can be set by any sibling domain and over plain HTTP.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            path: "/".to_owned(),
            domain: None,
            same_site: SameSite::default(),
            partitioning: Partitioning::default(),
            protection: Protection::default(),
            transport: Transport::default(),
        }
    }

    /// Another name; see [`CookieConfig::new`].
    pub fn name(self, name: impl Into<String>) -> Self {
        Self { name: name.into(), ..self }
    }

    /// The paths on which the browser sends the cookie.
    ///
    /// # Default
    /// `/`, which `__Host-` demands.
    ///
    /// # Cost
    /// Another path needs a name with `__Secure-`, and does not keep applications on one host apart: their scripts
    /// can reach each other's pages.
    pub fn path(self, path: impl Into<String>) -> Self {
        Self { path: path.into(), ..self }
    }

    /// Sends the cookie to `domain` and everything below it, to share a session between subdomains.
    ///
    /// # Default
    /// None: to the host that set it and no other, which `__Host-` demands.
    ///
    /// # Cost
    /// Needs a name with `__Secure-`. Every subdomain, also a forgotten one, can read the cookie and set another.
    pub fn domain(self, domain: impl Into<String>) -> Self {
        Self { domain: Some(domain.into()), ..self }
    }

    /// On which requests from other sites the cookie is sent. It is always written out (ASVS 3.3.2).
    ///
    /// # Default
    /// [`SameSite::Lax`]: links from elsewhere find the visitor signed in, forged forms do not.
    ///
    /// # Cost
    /// `Strict` breaks such links, and sign-in through another site that answers with a redirect. `None` needs
    /// `Secure` and its own protection against forged requests.
    pub fn same_site(self, same_site: SameSite) -> Self {
        Self { same_site, ..self }
    }

    /// Whether pages embedded in several sites have a session for each of them.
    ///
    /// # Default
    /// [`Partitioning::Unpartitioned`].
    ///
    /// # Cost
    /// `Partitioned` needs [`SameSite::None`], and a visitor who is signed in at one embedding site is not at another.
    pub fn partitioning(self, partitioning: Partitioning) -> Self {
        Self { partitioning, ..self }
    }

    /// Plain, signed or encrypted; default and cost are described at [`Protection`].
    pub fn protection(self, protection: Protection) -> Self {
        Self { protection, ..self }
    }

    /// Over what the browser reaches the application.
    ///
    /// # Default
    /// [`Transport::Secure`].
    ///
    /// # Cost
    /// [`Transport::LocalhostDevelopment`] gives up what keeps the cookie from other hosts and from the network.
    pub fn transport(self, transport: Transport) -> Self {
        Self { transport, ..self }
    }

    /// Checks the settings and derives the keys.
    ///
    /// # Errors
    /// When a browser would drop the cookie or treat it otherwise than the settings say.
    pub fn build(self) -> Result<SessionCookie, CookieConfigError> {
        let name = CookieName::parse(&self.name)?;
        check_path(&self.path)?;
        self.domain.as_deref().map_or(Ok(()), check_domain)?;
        if name.is_bound_to_host() && self.domain.is_some() {
            return Err(CookieConfigError::HostPrefixWithDomain);
        }
        if name.is_bound_to_host() && self.path != "/" {
            return Err(CookieConfigError::HostPrefixWithPath);
        }
        if self.same_site == SameSite::None && self.transport == Transport::LocalhostDevelopment {
            return Err(CookieConfigError::SameSiteNoneWithoutSecure);
        }
        if self.partitioning == Partitioning::Partitioned && self.same_site != SameSite::None {
            return Err(CookieConfigError::PartitionedWithoutSameSiteNone);
        }
        let (name, domain) = match self.transport {
            Transport::Secure => (name, self.domain),
            Transport::LocalhostDevelopment => {
                tracing::warn!(
                    "the session cookie is written without Secure: use Transport::LocalhostDevelopment on the \
                     developer's own machine only"
                );
                (name.without_prefix()?, None)
            }
        };
        let sealer = Sealer::new(&self.protection, name.as_str());
        let mut template = Cookie::build((name.into_string(), ""))
            .http_only(true)
            .same_site(printed(self.same_site))
            .partitioned(self.partitioning == Partitioning::Partitioned)
            .secure(self.transport == Transport::Secure)
            .path(self.path)
            .build();
        if let Some(domain) = domain {
            template.set_domain(domain);
        }
        SessionCookie::new(template, sealer)
    }
}

impl Default for CookieConfig {
    fn default() -> Self {
        Self::new("__Host-id")
    }
}

/// Not a `From`, which would make the printing crate's type part of this one's interface.
const fn printed(same_site: SameSite) -> cookie::SameSite {
    match same_site {
        SameSite::Strict => cookie::SameSite::Strict,
        SameSite::Lax => cookie::SameSite::Lax,
        SameSite::None => cookie::SameSite::None,
    }
}
