//! The rows that a new store begins with.

macro_rules! admins {
    () => {
        "INSERT INTO tbladmins (username) VALUES ('admin')"
    };
}

macro_rules! scopes {
    () => {
        "INSERT INTO tbloauthserver_scopes (scope, description) VALUES
    ('clientarea:sso', 'Sign in to the client area'),
    ('clientarea:profile', 'My Details'),
    ('clientarea:billing_info', 'Manage Billing Information'),
    ('clientarea:emails', 'My Emails'),
    ('clientarea:announcements', 'Announcements'),
    ('clientarea:downloads', 'Downloads'),
    ('clientarea:knowledgebase', 'Knowledgebase'),
    ('clientarea:network_status', 'Network Status'),
    ('clientarea:services', 'My Services'),
    ('clientarea:product_details', 'Details of a Service'),
    ('clientarea:domains', 'My Domains'),
    ('clientarea:domain_details', 'Details of a Domain'),
    ('clientarea:invoices', 'My Invoices'),
    ('clientarea:tickets', 'My Support Tickets'),
    ('clientarea:submit_ticket', 'Open a Support Ticket'),
    ('clientarea:shopping_cart', 'Order Products and Services'),
    ('clientarea:shopping_cart_addons', 'Order Addons'),
    ('clientarea:shopping_cart_domain_register', 'Register a Domain'),
    ('clientarea:shopping_cart_domain_transfer', 'Transfer a Domain'),
    ('openid', 'Confirm who you are'),
    ('profile', 'See your name and address'),
    ('email', 'See your email address'),
    ('sso:custom_redirect', 'Sign in to a page of the application''s choice')"
    };
}

pub(super) use {admins, scopes};

/// A table and the statement that fills it.
pub const SEEDS: [(&str, &str); 2] = [("tbladmins", admins!()), ("tbloauthserver_scopes", scopes!())];
