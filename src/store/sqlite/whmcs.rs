//! What WHMCS has in its database beside the tables of a store, for modules that reach the sandbox's by PDO: the tables
//! and columns that modules use most, by the names that hooks and the API's documentation give them.

use rusqlite::{Connection, Result};

/// A table, and its columns by kind, between blanks. Each has an `id` as well, unless it's there already.
struct WhmcsTable {
    name: &'static str,
    /// Empty by default.
    texts: &'static str,
    /// 0 by default: ids, counts and switches.
    integers: &'static str,
    /// 0 by default: amounts and rates.
    decimals: &'static str,
    /// Null by default.
    times: &'static str,
}

#[rustfmt::skip]
const TABLES: &[WhmcsTable] = &[
    WhmcsTable {
        name: "tblclients",
        texts: "uuid address1 address2 city state postcode country phonenumber tax_id password defaultgateway notes \
                billingcid securityqans cardtype language ip host",
        integers: "currency taxexempt latefeeoveride overideduenotices separateinvoices disableautocc securityqid \
                   groupid allow_sso email_verified marketing_emails_opt_in",
        decimals: "credit",
        times: "datecreated lastlogin",
    },
    WhmcsTable {
        name: "tblhosting",
        texts: "paymentmethod billingcycle username password notes subscriptionid suspendreason dedicatedip \
                assignedips ns1 ns2",
        integers: "orderid packageid server promoid diskusage disklimit bwusage bwlimit overideautosuspend",
        decimals: "firstpaymentamount amount",
        times: "regdate nextduedate nextinvoicedate termination_date completed_date overidesuspenduntil lastupdate",
    },
    WhmcsTable {
        name: "tbladmins",
        texts: "uuid firstname lastname email signature notes template language supportdepts ticketnotifications",
        integers: "roleid",
        decimals: "",
        times: "",
    },
    WhmcsTable {
        name: "tblproducts",
        texts: "type name description paytype autosetup servertype configoption1 configoption2 configoption3 \
                configoption4 configoption5 configoption6",
        integers: "gid hidden welcomeemail stockcontrol qty retired tax order",
        decimals: "",
        times: "created_at updated_at",
    },
    WhmcsTable {
        name: "tblproductgroups",
        texts: "name slug headline tagline",
        integers: "hidden order",
        decimals: "",
        times: "created_at updated_at",
    },
    WhmcsTable {
        name: "tblservers",
        texts: "name ipaddress assignedips hostname type username password accesshash secure",
        integers: "active disabled maxaccounts port",
        decimals: "monthlycost",
        times: "",
    },
    WhmcsTable {
        name: "tbldomains",
        texts: "type domain registrar paymentmethod status subscriptionid",
        integers: "userid orderid registrationperiod dnsmanagement emailforwarding idprotection donotrenew",
        decimals: "firstpaymentamount recurringamount",
        times: "registrationdate expirydate nextduedate nextinvoicedate created_at updated_at",
    },
    WhmcsTable {
        name: "tblorders",
        texts: "nameservers promocode paymentmethod status ipaddress fraudmodule notes",
        integers: "ordernum userid contactid invoiceid",
        decimals: "amount",
        times: "date",
    },
    WhmcsTable {
        name: "tblinvoices",
        texts: "invoicenum status paymentmethod notes",
        integers: "userid",
        decimals: "subtotal credit tax tax2 total taxrate taxrate2",
        times: "date duedate datepaid date_refunded date_cancelled created_at updated_at",
    },
    WhmcsTable {
        name: "tblinvoiceitems",
        texts: "type description paymentmethod notes",
        integers: "invoiceid userid relid taxed",
        decimals: "amount",
        times: "duedate",
    },
    WhmcsTable {
        name: "tblaccounts",
        texts: "gateway description transid",
        integers: "userid currency invoiceid refundid",
        decimals: "amountin fees amountout rate",
        times: "date",
    },
    WhmcsTable {
        name: "tblgatewaylog",
        texts: "gateway data result",
        integers: "",
        decimals: "",
        times: "date",
    },
    WhmcsTable {
        name: "tblpaymentgateways",
        texts: "gateway setting value",
        integers: "order",
        decimals: "",
        times: "",
    },
    WhmcsTable {
        name: "tblconfiguration",
        texts: "setting value",
        integers: "",
        decimals: "",
        times: "created_at updated_at",
    },
    WhmcsTable {
        name: "tbladdonmodules",
        texts: "module setting value",
        integers: "",
        decimals: "",
        times: "",
    },
    WhmcsTable {
        name: "tblcurrencies",
        texts: "code prefix suffix",
        integers: "format default",
        decimals: "rate",
        times: "",
    },
    WhmcsTable {
        name: "tblcustomfields",
        texts: "type fieldname fieldtype description fieldoptions regexpr adminonly required showorder showinvoice",
        integers: "relid sortorder",
        decimals: "",
        times: "created_at updated_at",
    },
    WhmcsTable {
        name: "tblcustomfieldsvalues",
        texts: "value",
        integers: "fieldid relid",
        decimals: "",
        times: "created_at updated_at",
    },
    WhmcsTable {
        name: "tbltickets",
        texts: "tid name email cc c title message status urgency admin attachment service",
        integers: "did userid contactid flag",
        decimals: "",
        times: "date lastreply",
    },
];

/// Adds them where they are missing.
pub fn add_tables(connection: &Connection) -> Result<()> {
    for WhmcsTable { name, texts, integers, decimals, times } in TABLES {
        let kinds = [
            (texts, "TEXT NOT NULL DEFAULT ''"),
            (integers, "INTEGER NOT NULL DEFAULT 0"),
            (decimals, "DECIMAL(16,2) NOT NULL DEFAULT 0"),
            (times, "TEXT DEFAULT NULL"),
        ];
        let columns = kinds.iter().flat_map(|(columns, kind)| columns.split_whitespace().map(move |name| (name, kind)));
        let known = columns_of(connection, name)?;
        if known.is_empty() {
            let columns: String = columns.map(|(column, kind)| format!(", \"{column}\" {kind}")).collect();
            connection
                .execute_batch(&format!("CREATE TABLE {name} (id INTEGER PRIMARY KEY AUTOINCREMENT{columns})"))?;
            continue;
        }
        let missing = columns.filter(|(column, _)| !known.iter().any(|known| known.eq_ignore_ascii_case(column)));
        let added = missing.map(|(column, kind)| format!("ALTER TABLE {name} ADD COLUMN \"{column}\" {kind};"));
        connection.execute_batch(&added.collect::<String>())?;
    }
    Ok(())
}

fn columns_of(connection: &Connection, table: &str) -> Result<Vec<String>> {
    let mut statement = connection.prepare(&format!("PRAGMA table_info({table})"))?;
    statement.query_map([], |row| row.get(1))?.collect()
}
