//! `RemoteMonitor`: sends the logs of each epoch to a server.

use std::time::Duration;

use serde_json::{Map, Value, json};

use super::{Callback, Event, Moment};
use crate::error::Result;
use crate::progress::say;

/// How long a server may take; a slow one must not hold a training up for longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Sends the logs of each epoch to a server by HTTP `POST`.
///
/// A server that cannot be reached does not end the training; it is said once.
///
/// Source: <https://keras.io/api/callbacks/remote_monitor/>.
#[derive(Debug)]
pub struct RemoteMonitor {
    root: String,
    path: String,
    field: String,
    headers: Vec<(String, String)>,
    send_as_json: bool,
    warned: bool,
}

impl RemoteMonitor {
    /// Sends to a server such as `http://localhost:9000`, to its `/publish/epoch/end/`, as the
    /// field `data` of a form.
    pub fn new(root: impl Into<String>) -> RemoteMonitor {
        RemoteMonitor {
            root: root.into(),
            path: "/publish/epoch/end/".to_string(),
            field: "data".to_string(),
            headers: Vec::new(),
            send_as_json: false,
            warned: false,
        }
    }

    /// Another path on the server.
    pub fn path(mut self, path: impl Into<String>) -> RemoteMonitor {
        self.path = path.into();
        self
    }

    /// Another name of the field.
    pub fn field(mut self, field: impl Into<String>) -> RemoteMonitor {
        self.field = field.into();
        self
    }

    /// Adds a header, such as one that says who is sending.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> RemoteMonitor {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sends the logs as JSON by themselves instead of as a field of a form.
    pub fn send_as_json(mut self) -> RemoteMonitor {
        self.send_as_json = true;
        self
    }

    fn send(&self, facts: &str) -> std::result::Result<(), ureq::Error> {
        let agent = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).build();
        let mut request = ureq::Agent::from(agent).post(format!("{}{}", self.root, self.path));
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        match self.send_as_json {
            true => request.header("content-type", "application/json").send(facts)?,
            false => request.send_form([(self.field.as_str(), facts)])?,
        };
        Ok(())
    }
}

impl Callback for RemoteMonitor {
    fn name(&self) -> &'static str {
        "RemoteMonitor"
    }

    fn moments(&self) -> &'static [Moment] {
        &[Moment::EpochEnd]
    }

    fn on_epoch_end(&mut self, event: &mut Event<'_>) -> Result<()> {
        let mut facts = Map::new();
        facts.insert("epoch".to_string(), json!(event.epoch));
        facts.extend(event.logs.iter().map(|(name, value)| (name.to_string(), json!(value))));
        if let Err(error) = self.send(&Value::Object(facts).to_string())
            && !self.warned
        {
            self.warned = true;
            say(format_args!(
                "warning: could not reach the server of RemoteMonitor at {}: {error}\n",
                self.root
            ));
        }
        Ok(())
    }
}
