//! Finds devices that are plugged into USB.

use serialport::{SerialPortInfo, SerialPortType, UsbPortInfo};

/// Vendor and product that the boards have. Other makers' serial ports have them as well, so the product's name counts, too.
const IDENTITY: (u16, u16) = (0x16c0, 0x27dd);

/// How the product's name begins.
const NAME: &str = "Facial expressions";

/// Why no device was chosen.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FindError {
    /// There is none.
    #[error(
        "no device was found at USB; plug it in, or name its port: --port /dev/ttyUSB0 for a serial adapter, --port tcp:HOST:PORT for \
         fer-linux"
    )]
    None,
    /// There are several.
    #[error("several devices are plugged in ({}); choose one with --port", .0.join(", "))]
    Several(Vec<String>),
    /// The system does not tell its serial ports.
    #[error("this system does not tell its serial ports ({0}); name the device's with --port")]
    Unknown(String),
}

/// The port of the only device that is plugged into USB.
///
/// # Errors
/// [`FindError`].
pub fn find() -> Result<String, FindError> {
    if cfg!(target_os = "linux") && !std::path::Path::new("/sys/class/tty").is_dir() {
        return Err(FindError::Unknown("there is no /sys/class/tty".into()));
    }
    choose(serialport::available_ports().map_err(|error| FindError::Unknown(error.to_string()))?)
}

fn choose(ports: Vec<SerialPortInfo>) -> Result<String, FindError> {
    let mut names: Vec<_> = ports.into_iter().filter(is_device).map(|port| port.port_name).collect();
    names.sort();
    match names.len() {
        0 => Err(FindError::None),
        1 => Ok(names.remove(0)),
        _ => Err(FindError::Several(names)),
    }
}

fn is_device(port: &SerialPortInfo) -> bool {
    let SerialPortType::UsbPort(UsbPortInfo { vid, pid, product, .. }) = &port.port_type else { return false };
    // Windows tells its driver's name in place of the product's.
    let is_named = cfg!(windows) || product.as_ref().is_none_or(|name| name.replace('_', " ").starts_with(NAME));
    // Each port of macOS has two names; this one waits for a modem's carrier.
    let waits = port.port_name.starts_with("/dev/tty.");
    (*vid, *pid) == IDENTITY && is_named && !waits
}

#[cfg(test)]
mod tests {
    use super::*;

    fn port(name: &str, identity: (u16, u16), product: Option<&str>) -> SerialPortInfo {
        let (vid, pid) = identity;
        let usb =
            UsbPortInfo { vid, pid, serial_number: None, manufacturer: None, product: product.map(str::to_owned) };
        SerialPortInfo { port_name: name.into(), port_type: SerialPortType::UsbPort(usb) }
    }

    #[test]
    fn the_only_device_is_chosen_among_other_ports() {
        let others = || {
            vec![
                SerialPortInfo { port_name: "/dev/ttyS0".into(), port_type: SerialPortType::Unknown },
                port("/dev/ttyUSB0", (0x0403, 0x6001), Some("FT232R USB UART")),
                port("/dev/tty.usbmodem1", IDENTITY, Some("Facial expressions (pico)")),
            ]
        };
        assert_eq!(choose(others()), Err(FindError::None));
        let with = |more: &[SerialPortInfo]| choose([others(), more.to_vec()].concat());
        let device = port("/dev/ttyACM1", IDENTITY, Some("Facial expressions (pico)"));
        assert_eq!(with(std::slice::from_ref(&device)), Ok("/dev/ttyACM1".into()));
        let second = port("/dev/ttyACM0", IDENTITY, Some("Facial_expressions_(pico2)"));
        let several = FindError::Several(vec!["/dev/ttyACM0".into(), "/dev/ttyACM1".into()]);
        assert_eq!(with(&[device, second]), Err(several.clone()));
        assert!(several.to_string().contains("/dev/ttyACM0, /dev/ttyACM1"), "{several}");
    }

    #[cfg(not(windows))]
    #[test]
    fn another_makers_port_with_the_same_numbers_is_none() {
        assert_eq!(choose(vec![port("/dev/ttyACM0", IDENTITY, Some("Grbl"))]), Err(FindError::None));
        assert_eq!(choose(vec![port("/dev/ttyACM0", IDENTITY, None)]), Ok("/dev/ttyACM0".into()));
    }
}
