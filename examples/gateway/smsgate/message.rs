//! A message as clients send it.

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{answer::Refusal, id};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewMessage {
    id: Option<String>,
    device_id: Option<String>,
    phone_numbers: Option<Vec<String>>,
    /// One number: an example in the documentation writes it so.
    recipient: Option<String>,
    /// The older form of `textMessage`.
    message: Option<String>,
    text_message: Option<Text>,
    data_message: Option<Data>,
    mms_message: Option<Map<String, Value>>,
    is_encrypted: Option<bool>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
}

#[derive(Deserialize)]
struct Data {
    data: String,
    port: u16,
}

impl NewMessage {
    /// The sender's id, or a new one. It goes into a header.
    pub fn id(&self) -> Result<String, Refusal> {
        id::or_new(self.id.as_deref())
    }

    pub fn device(&self) -> Option<&str> {
        self.device_id.as_deref().filter(|id| !id.is_empty())
    }

    pub fn is_encrypted(&self) -> bool {
        self.is_encrypted.unwrap_or_default()
    }

    pub fn recipients(&self) -> Result<Vec<&str>, Refusal> {
        let numbers = self.phone_numbers.iter().flatten().chain(&self.recipient);
        let numbers: Vec<&str> = numbers.map(|number| number.trim()).collect();
        if numbers.is_empty() || numbers.contains(&"") {
            return Err(invalid("phoneNumbers: at least one is needed, and none is empty"));
        }
        Ok(numbers)
    }

    /// Under the name that the newest clients use.
    pub fn content(&self) -> Result<(&'static str, Value), Refusal> {
        let old = self.message.as_deref().filter(|text| !text.is_empty());
        let text = self.text_message.as_ref().map(|message| message.text.as_str());
        match (old, text, &self.data_message, &self.mms_message) {
            (Some(text), None, None, None) | (None, Some(text), None, None) => {
                Ok(("textMessage", json!({"text": text})))
            }
            (None, None, Some(Data { data, port }), None) => {
                Ok(("dataMessage", json!({"data": data, "port": port})))
            }
            (None, None, None, Some(mms)) => Ok(("mmsMessage", mms.clone().into())),
            _ => Err(invalid("one of textMessage, dataMessage and mmsMessage is needed")),
        }
    }
}

fn invalid(what: &str) -> Refusal {
    Refusal::bad_request(format!("failed to validate: {what}"))
}
