//! What can be paid for: a small fixed catalogue. Amounts are whole francs (XAF).

use serde_json::{Value, json};

pub const CURRENCY: &str = "XAF";

pub struct Merchant {
    code: &'static str,
    name: &'static str,
    description: &'static str,
}

pub struct Service {
    pub id: u32,
    pub merchant: &'static str,
    title: &'static str,
    kind: Kind,
    /// Whether whoever collects must say for which number, such as the phone to top up.
    pub needs_service_number: bool,
    /// Amounts are multiples of this.
    pub denomination: i64,
}

#[derive(Clone, Copy, Eq, PartialEq)]
pub enum Kind {
    Bill,
    Cashin,
    Cashout,
    Product,
    Topup,
    Voucher,
}

/// What is paid for.
pub struct PayItem {
    pub id: &'static str,
    service: u32,
    pub name: &'static str,
    /// Of a bill.
    bill: Option<Bill>,
    amount: Amount,
}

struct Bill {
    service_number: &'static str,
    number: &'static str,
}

enum Amount {
    Fixed(i64),
    /// As the payer likes.
    Custom,
}

static MERCHANTS: [Merchant; 3] = [
    Merchant { code: "TESTMERC", name: "Test Utility", description: "Bills to search for" },
    Merchant { code: "AES", name: "Demo Electricity", description: "Electricity" },
    Merchant { code: "DEMOTEL", name: "Demo Telecom", description: "Airtime and bundles" },
];

static SERVICES: [Service; 4] = [
    Service {
        id: 99999,
        merchant: "TESTMERC",
        title: "Water bills",
        kind: Kind::Bill,
        needs_service_number: false,
        denomination: 1,
    },
    Service {
        id: 958,
        merchant: "AES",
        title: "Electricity bills",
        kind: Kind::Bill,
        needs_service_number: false,
        denomination: 5,
    },
    Service {
        id: 20051,
        merchant: "DEMOTEL",
        title: "Airtime",
        kind: Kind::Topup,
        needs_service_number: true,
        denomination: 100,
    },
    Service {
        id: 20052,
        merchant: "DEMOTEL",
        title: "Data bundles",
        kind: Kind::Product,
        needs_service_number: true,
        denomination: 1,
    },
];

static PAY_ITEMS: [PayItem; 5] = [
    PayItem {
        id: "SPAY-DEV-958-AES-100013333-10010",
        service: 958,
        name: "Electricity, on account",
        bill: Some(Bill { service_number: "100013333", number: "10010" }),
        amount: Amount::Custom,
    },
    PayItem {
        id: "SPAY-DEV-99999-TESTMERC-TestId-1",
        service: 99999,
        name: "Water, January",
        bill: Some(Bill { service_number: "TestId", number: "1" }),
        amount: Amount::Fixed(12_500),
    },
    PayItem {
        id: "SPAY-DEV-99999-TESTMERC-TestId-2",
        service: 99999,
        name: "Water, the pump house",
        bill: Some(Bill { service_number: "TestId", number: "2" }),
        amount: Amount::Fixed(990_000),
    },
    PayItem {
        id: "SPAY-DEV-20051-DEMOTEL-CUSTOM",
        service: 20051,
        name: "Airtime of any amount",
        bill: None,
        amount: Amount::Custom,
    },
    PayItem {
        id: "SPAY-DEV-20052-DEMOTEL-1GB",
        service: 20052,
        name: "1 GB for a week",
        bill: None,
        amount: Amount::Fixed(500),
    },
];

pub fn merchants() -> impl Iterator<Item = &'static Merchant> {
    MERCHANTS.iter()
}

pub fn services() -> impl Iterator<Item = &'static Service> {
    SERVICES.iter()
}

pub fn service(id: &str) -> Option<&'static Service> {
    let id: u32 = id.parse().ok()?;
    SERVICES.iter().find(|service| service.id == id)
}

/// What there is to pay for of a service.
pub fn items(service: &Service) -> impl Iterator<Item = &'static PayItem> {
    PAY_ITEMS.iter().filter(|item| item.service == service.id)
}

pub fn item(id: &str) -> Option<(&'static PayItem, &'static Service)> {
    let item = PAY_ITEMS.iter().find(|item| item.id == id)?;
    Some((item, SERVICES.iter().find(|service| service.id == item.service)?))
}

impl Merchant {
    pub fn to_json(&self) -> Value {
        json!({
            "merchant": self.code,
            "name": self.name,
            "description": self.description,
            "country": "CMR",
            "status": "Active",
        })
    }
}

impl Service {
    pub fn is(&self, kind: Kind) -> bool {
        self.kind == kind
    }

    pub fn to_json(&self) -> Value {
        json!({
            "serviceid": self.id,
            "merchant": self.merchant,
            "title": self.title,
            "description": self.title,
            "category": "Demo",
            "country": "CMR",
            "localCur": CURRENCY,
            "type": self.kind.as_str(),
            "status": "Active",
            "isReqCustomerName": false,
            "isReqCustomerAddress": false,
            "isReqCustomerNumber": false,
            "isReqServiceNumber": self.needs_service_number,
            "isVerifiable": false,
            "denomination": self.denomination,
        })
    }
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Bill => "SEARCHABLE_BILL",
            Self::Cashin => "CASHIN",
            Self::Cashout => "CASHOUT",
            Self::Product => "PRODUCT",
            Self::Topup => "TOPUP",
            Self::Voucher => "VOUCHER",
        }
    }
}

impl PayItem {
    /// Whether this much can be paid.
    pub fn takes(&self, service: &Service, amount: i64) -> bool {
        match self.amount {
            Amount::Fixed(fixed) => amount == fixed,
            Amount::Custom => amount > 0 && amount % service.denomination == 0,
        }
    }

    /// Whether this is a bill for this meter, policy or the like.
    pub fn is_bill_for(&self, service_number: &str) -> bool {
        self.bill.as_ref().is_some_and(|bill| bill.service_number == service_number)
    }

    pub fn to_json(&self, service: &Service) -> Value {
        let (amount_type, amount) = match self.amount {
            Amount::Fixed(amount) => ("FIXED", Some(amount)),
            Amount::Custom => ("CUSTOM", None),
        };
        let mut json = json!({
            "serviceid": service.id,
            "merchant": service.merchant,
            "payItemId": self.id,
            "payItemDescr": self.name,
            "amountType": amount_type,
            "localCur": CURRENCY,
            "amountLocalCur": amount,
        });
        match &self.bill {
            Some(bill) => {
                json["billType"] = "REGULAR".into();
                json["billNumber"] = bill.number.into();
                json["serviceNumber"] = bill.service_number.into();
                json["penaltyAmount"] = 0.into();
                json["payOrder"] = 0.into();
            }
            None => json["name"] = self.name.into(),
        }
        json
    }
}
