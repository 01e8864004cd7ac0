//! Hard faults.

use cortex_m_rt::{ExceptionFrame, exception};

#[exception]
unsafe fn HardFault(frame: &ExceptionFrame) -> ! {
    panic!("hard fault, {frame:#x?}")
}
