//! How servers are asked, as the command line says it: recorded, so that an update asks in the same way.

use super::options::{BuildOptions, MaxRate, Network, Source};
use super::robots::Robots;
use crate::fetch::allow::AllowList;
use crate::net;
use anyhow::Context;
use reqwest::header::HeaderValue;
use serde::{Deserialize, Serialize};
use std::num::{NonZeroU64, NonZeroUsize};
use std::time::Duration;

/// What is said of servers. Not of what they are told in secret: of headers there are names alone.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Asked {
    /// Images fetched at the same time.
    pub threads: NonZeroUsize,
    /// Further attempts after a failure that may pass.
    pub retries: u32,
    /// Images that their servers did not have are asked for once in so many builds.
    pub retry_gone: u32,
    /// Most requests to one host in a second.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_rate: Option<MaxRate>,
    /// Whether robots.txt is honoured, if that was said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub robots: Option<bool>,
    /// What the program calls itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_agent: Option<String>,
    /// Where operators of servers reach those who ask.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact: Option<String>,
    /// Names of the headers that image servers get.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub headers: Vec<String>,
    /// Time for reaching a server, in seconds.
    pub connect_timeout_s: NonZeroU64,
    /// Time for one image, in seconds.
    pub image_timeout_s: NonZeroU64,
    /// Time for an endpoint's answer, in seconds.
    pub endpoint_timeout_s: NonZeroU64,
}

impl Default for Asked {
    fn default() -> Self {
        let seconds = |s| NonZeroU64::new(s).expect("not zero");
        Self {
            threads: NonZeroUsize::new(16).expect("not zero"),
            retries: 4,
            retry_gone: 5,
            max_rate: None,
            robots: None,
            user_agent: None,
            contact: None,
            headers: Vec::new(),
            connect_timeout_s: seconds(15),
            image_timeout_s: seconds(60),
            // Large triple stores take minutes for a query over all their images.
            endpoint_timeout_s: seconds(1800),
        }
    }
}

impl Asked {
    /// Has the build ask so, and lets manifests name `allow_fetch` although they are not public. (That is not written
    /// down: it is a permission of whoever runs a build, and a data directory may come from somebody else.) The headers
    /// themselves are left as they are.
    ///
    /// # Errors
    /// If the list of hosts is none, or the user agent cannot be sent.
    pub fn apply(self, options: &mut BuildOptions, allow_fetch: &str) -> anyhow::Result<()> {
        let is_of_strangers = match options.source {
            Source::Manifests(_) | Source::Discovery(_) => true,
            Source::Csv(_) | Source::Sparql { .. } | Source::Folder { .. } => false,
        };
        let public_except = is_of_strangers.then(|| allow_list(allow_fetch));
        let seconds = |s: NonZeroU64| Duration::from_secs(s.get());
        options.threads = self.threads;
        options.retry_gone = self.retry_gone;
        options.network = Network {
            public_except: public_except.transpose()?,
            robots: (self.robots.unwrap_or(is_of_strangers)).then(Robots::default),
            min_interval: self.max_rate.map(MaxRate::interval).unwrap_or_default(),
            retries: self.retries,
            user_agent: self.user_agent()?,
            connect_timeout: seconds(self.connect_timeout_s),
            image_timeout: seconds(self.image_timeout_s),
            endpoint_timeout: seconds(self.endpoint_timeout_s),
            ..options.network.clone()
        };
        options.asked = self;
        Ok(())
    }

    /// The user agent, where it is not the program's own.
    fn user_agent(&self) -> anyhow::Result<Option<String>> {
        let name = match (&self.user_agent, &self.contact) {
            (None, None) => return Ok(None),
            (Some(name), _) => name.trim(),
            (None, Some(_)) => net::USER_AGENT,
        };
        let user_agent = match self.contact.as_deref().map(str::trim) {
            Some(contact) => format!("{name} (+{contact})"),
            None => name.to_owned(),
        };
        HeaderValue::from_str(&user_agent).with_context(|| {
            format!("the user agent {user_agent:?} cannot be sent; use plain letters on one line (--user-agent, --contact)")
        })?;
        Ok(Some(user_agent))
    }
}

/// What is not public and may be fetched from all the same.
///
/// # Errors
/// If `hosts` is no list of hosts, addresses and networks.
pub fn allow_list(hosts: &str) -> anyhow::Result<AllowList> {
    let list = hosts.parse();
    list.context("--allow-fetch (CLIP_ALLOW_FETCH) cannot be used")
}
