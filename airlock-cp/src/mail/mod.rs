//! Mails out: over SMTP, or into a folder while developing.
