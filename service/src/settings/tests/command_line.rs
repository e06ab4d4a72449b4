//! `--help`, `--version`, and flags that are wrong.

use crate::settings::catalogue::CATALOGUE;
use crate::settings::tests::{GATEWAY, PROCESSOR, Start};
use crate::settings::{ProcessorSettings, Settings};

fn help_of_the_processor() -> String {
    let inputs = Start::new().flags(&["--help"]).inputs();
    ProcessorSettings::load(&PROCESSOR, &inputs).unwrap_err().to_string()
}

#[test]
fn help_lists_every_setting_of_the_program_with_its_default_and_unit_and_no_other() {
    let helps =
        [(GATEWAY, Start::new().flags(&["--help"]).complaint()), (PROCESSOR, help_of_the_processor())];
    for (program, help) in helps {
        for setting in CATALOGUE {
            // Others would see a secret in the list of processes: it has no flag.
            let Some(flag) = setting.flag() else { continue };
            let flag = format!("--{flag} <{}>", setting.kind.unit());
            let listed = help.contains(&flag);
            assert_eq!(listed, setting.used_by.includes(program.service), "{flag} in\n{help}");
            if listed {
                let default = format!("[default: {}]", setting.default.in_words().replace('`', ""));
                let line = help.lines().find(|line| line.contains(setting.help)).unwrap();
                assert!(line.ends_with(&default), "{line}");
            }
        }
    }
}

#[test]
fn help_names_the_file_the_alias_and_the_order_of_sources() {
    let help = help_of_the_processor();
    for part in ["A processor.", "--config <file>", "--kafka-bootstrap-servers", "The command line wins over"]
    {
        assert!(help.contains(part), "{part} in\n{help}");
    }
}

#[test]
fn version_is_the_programs() {
    assert_eq!(Start::new().flags(&["--version"]).complaint(), "api-gateway 1.2.3\n");
}

#[test]
fn an_unknown_flag_is_refused_with_the_nearest_one() {
    let complaint = Start::new().flags(&["--kafka-broker", "b:1"]).complaint();
    assert!(complaint.contains("unexpected argument '--kafka-broker' found"), "{complaint}");
    assert!(complaint.contains("a similar argument exists: '--kafka-brokers'"), "{complaint}");
}

#[test]
fn a_flag_of_the_other_program_is_refused() {
    let complaint = Start::new().flags(&["--service-2-max-age", "5"]).complaint();
    assert!(complaint.contains("unexpected argument '--service-2-max-age' found"), "{complaint}");
}

#[test]
fn a_flag_without_its_value_or_given_twice_is_refused() {
    let complaint = Start::new().flags(&["--kafka-timeout"]).complaint();
    assert!(complaint.contains("a value is required for '--kafka-timeout <seconds>'"), "{complaint}");
    let complaint = Start::new().flags(&["--kafka-timeout", "5", "--kafka-timeout=6"]).complaint();
    assert!(complaint.contains("cannot be used multiple times"), "{complaint}");
}

#[test]
fn a_negative_number_is_a_bad_value_and_not_a_flag() {
    let complaint = Start::new().flags(&["--kafka-timeout", "-5"]).complaint();
    assert!(
        complaint.starts_with("bad setting KAFKA_TIMEOUT (from the command line): found \"-5\""),
        "{complaint}"
    );
}
