//! The rules: which words make a column look personal, and what to do about it.

use super::Suggestion::{Exclude, Hash, KeepLast4, Null, Redact, Scrub, Year, Zip3};
use super::{Shape, Suggestion};

/// One rule: words, how sure they make, and what to do by shape.
pub(super) struct Rule {
    pub(super) id: &'static str,
    pub(super) score: u8,
    /// Phrases, separated by spaces, of one or more words, `_` between.
    pub(super) words: &'static str,
    /// Tables whose name makes the rule surer, separated by spaces.
    pub(super) context: &'static str,
    /// Whether a name that ends in `id` is a reference and not the thing itself.
    pub(super) spares_ids: bool,
    pub(super) suggest: fn(Shape) -> Option<Suggestion>,
}

/// Tables about people; the name on a card is its holder's.
const PEOPLE: &str = "user customer person people contact member patient employee guest client profile \
     recipient subscriber staff author owner student driver passenger kunde cliente card";
const PLACES: &str = "address adresse direccion";

pub(super) const RULES: &[Rule] = &[
    Rule {
        id: "secret",
        score: 95,
        words: "password passwd pwd passphrase passwort secret token api_key apikey private_key \
             access_key otp totp session cookie salt recovery_code credential",
        context: "",
        spares_ids: false,
        suggest: |s| match s {
            Shape::Text | Shape::Uuid | Shape::Json | Shape::Binary | Shape::Other => Some(Exclude),
            _ => None,
        },
    },
    Rule {
        id: "national_id",
        score: 95,
        words: "ssn social_security sin nin bsn cpf pesel inn snils aadhaar tax_id tax_number \
             vat_number passport driver_license drivers_license driving_licence national_id \
             identity_number personnummer steuernummer dni curp",
        context: "",
        spares_ids: false,
        suggest: |s| matches!(s, Shape::Text | Shape::Int | Shape::Number | Shape::Binary).then_some(Null),
    },
    Rule {
        id: "cvv",
        score: 95,
        words: "cvv cvc cvv2 card_security_code",
        context: "",
        spares_ids: true,
        suggest: |s| matches!(s, Shape::Text | Shape::Int | Shape::Number).then_some(Null),
    },
    Rule {
        id: "email",
        score: 95,
        words: "email e_mail mail emailaddress correo courriel",
        context: "",
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Hash),
    },
    Rule {
        id: "phone",
        score: 90,
        words: "phone phonenumber mobile tel telephone telefon telefono cellphone msisdn fax whatsapp",
        context: "",
        spares_ids: true,
        suggest: |s| matches!(s, Shape::Text | Shape::Int | Shape::Number).then_some(Redact),
    },
    Rule {
        id: "bank",
        score: 90,
        words: "iban account_number acct_number account_no accountnumber routing swift bic card_number \
             cardnumber credit_card creditcard card pan sort_code kontonummer",
        context: "",
        spares_ids: true,
        suggest: |s| match s {
            Shape::Text => Some(KeepLast4),
            Shape::Int | Shape::Number => Some(Redact),
            _ => None,
        },
    },
    Rule {
        id: "number",
        score: 20,
        words: "number no nr",
        context: "card account konto",
        spares_ids: true,
        suggest: |s| match s {
            Shape::Text => Some(KeepLast4),
            Shape::Int | Shape::Number => Some(Redact),
            _ => None,
        },
    },
    Rule {
        id: "dob",
        score: 90,
        words: "dob birth_date birthdate date_of_birth birthday birth geburtsdatum fecha_nacimiento \
             date_naissance",
        context: "",
        spares_ids: true,
        suggest: |s| match s {
            Shape::Date => Some(Year),
            Shape::Text | Shape::Int | Shape::Number => Some(Redact),
            _ => None,
        },
    },
    Rule {
        id: "person_name",
        score: 85,
        words: "first_name firstname last_name lastname full_name fullname middle_name surname forename \
             given_name family_name maiden maiden_name patronymic vorname nachname apellido \
             apellidos prenom cardholder card_holder holder_name display_name real_name",
        context: "",
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Hash),
    },
    Rule {
        id: "login",
        score: 60,
        words: "username user_name login nickname screen_name handle",
        context: PEOPLE,
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Hash),
    },
    Rule {
        id: "name",
        score: 30,
        words: "name nombre nom",
        context: PEOPLE,
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Hash),
    },
    Rule {
        id: "title",
        score: 30,
        words: "title label",
        context: "",
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Redact),
    },
    Rule {
        id: "link",
        score: 30,
        words: "homepage website avatar photo picture linkedin twitter",
        context: PEOPLE,
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Redact),
    },
    Rule {
        id: "card_expiry",
        score: 20,
        words: "expiry expiry_date expires expiration expiration_date exp_month exp_year exp_date valid_until",
        context: "card",
        spares_ids: true,
        suggest: |s| match s {
            Shape::Date => Some(Year),
            Shape::Text | Shape::Int | Shape::Number => Some(Redact),
            _ => None,
        },
    },
    Rule {
        id: "maybe_secret",
        score: 30,
        words: "key hash signature nonce",
        context: "",
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Exclude),
    },
    Rule {
        id: "address",
        score: 85,
        words: "address addr street strasse adresse direccion house_number apartment address_line \
             address1 address2",
        context: "",
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Redact),
    },
    Rule {
        id: "address_line",
        score: 30,
        words: "line line1 line2 line3 line4 line_1 line_2 city town ort search_text",
        context: PLACES,
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Redact),
    },
    Rule {
        id: "zip",
        score: 80,
        words: "zip zipcode zip_code postal postcode post_code plz codigo_postal",
        context: "",
        spares_ids: true,
        suggest: |s| match s {
            Shape::Text => Some(Zip3),
            Shape::Int => Some(Redact),
            _ => None,
        },
    },
    Rule {
        id: "geo",
        score: 80,
        words: "lat lon lng latitude longitude geo geom geometry coordinates gps",
        context: "",
        spares_ids: true,
        suggest: |s| (s != Shape::Bool).then_some(Redact),
    },
    Rule {
        id: "device",
        score: 70,
        words: "ip ip_address ip_addr ipaddress user_agent useragent device_id mac mac_address imei \
             idfa fingerprint",
        context: "",
        spares_ids: false,
        suggest: |s| matches!(s, Shape::Text | Shape::Uuid).then_some(Hash),
    },
    Rule {
        id: "gender",
        score: 70,
        words: "gender sex geschlecht genero",
        context: "",
        spares_ids: true,
        suggest: |s| matches!(s, Shape::Text | Shape::Label | Shape::Int | Shape::Bool).then_some(Redact),
    },
    Rule {
        id: "sensitive",
        score: 80,
        words: "salary income wage diagnosis icd icd10 medical disease religion ethnicity race \
             political nationality disability marital_status sexual_orientation",
        context: "",
        spares_ids: true,
        suggest: |s| (s != Shape::Unreadable).then_some(Redact),
    },
    Rule {
        id: "free_text",
        score: 50,
        words: "note notes comment comments body message description bio biography remark remarks \
             feedback content instructions review subject summary details query search_query \
             search_term search_terms repr",
        context: "",
        spares_ids: true,
        suggest: |s| (s == Shape::Text).then_some(Scrub),
    },
];
