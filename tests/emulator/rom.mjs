// What a program asks the boot ROM of an RP2040 for, of our own: the ROM itself is not free to copy. Flash is erased and
// programmed as the chip on a Pico does it (Winbond W25Q16JV: 45 ms a sector, 0.7 ms a page), and power can be cut in the
// middle of it. RP2040 datasheet, 2.8.3: the table of functions, and what they do.
//
// Each function is two instructions, BKPT and BX LR; BKPT calls what is in this file. What would go wrong on the chip
// ends the emulation with an error: flash that is erased or programmed with interrupts enabled or before it was made ready, places
// that are not aligned, and instructions or data from flash before it is readable again.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';

const FLASH = 0x10000000;
const FLASH_ALIASES_END = 0x14000000;
const FLASH_BYTES = 2 * 1024 * 1024;
const [SECTOR_BYTES, PAGE_BYTES] = [4096, 256];
const [SECTOR_NANOSECONDS, PAGE_NANOSECONDS] = [45e6, 0.7e6];
const SSI = 0x18000;
// What the second boot stage of a Pico leaves in the serial interface: reads go on without a command (datasheet, 4.10.13).
const SSI_CONTINUES = 0xa0;

const BKPT = 0xbe00;
const BX_LR = 0x4770;
// Where the ROM has its pointers, and where this one has its tables and functions.
const [FUNCTION_TABLE, DATA_TABLE, LOOKUP] = [0x14, 0x16, 0x18];
const [VERSION, TABLES, CODE] = [0x13, 0x100, 0x400];

// The power of the emulated board ends.
export class PowerCut extends Error {}

// options.file: what is in flash at the beginning, if the file exists; save() writes it there.
// options.onBootLoader: called when the program starts the boot loader.
// options.cut: the erase or program in which power is cut, counted from 0. options.torn: how much of it is done by then, from 0 to 1.
export class Rom {
  constructor(rp2040, options = {}) {
    this.rp2040 = rp2040;
    this.options = options;
    this.done = 0;
    // Whether flash was connected, takes commands and so cannot be read, was flushed from the cache since, and was put into its
    // slow mode.
    this.connected = this.serial = this.flushed = this.slow = false;
    this.names = ['lookup'];
    if (options.file && existsSync(options.file)) {
      rp2040.flash.set(readFileSync(options.file));
    }
    this.write();
    rp2040.onBreak = (number) => this.call(number);
  }

  // Writes the tables and the functions.
  write() {
    const rom = new DataView(this.rp2040.bootrom.buffer);
    rom.setUint8(VERSION, 3);
    let [entry, code] = [TABLES, CODE];
    const append = (number) => {
      rom.setUint16(code, BKPT | number, true);
      rom.setUint16(code + 2, BX_LR, true);
      code += 4;
      return (code - 4) | 1;
    };
    rom.setUint16(LOOKUP, append(0), true);
    rom.setUint16(FUNCTION_TABLE, TABLES, true);
    for (const name of Object.keys(FUNCTIONS)) {
      rom.setUint16(entry, name.charCodeAt(0) | (name.charCodeAt(1) << 8), true);
      rom.setUint16(entry + 2, append(this.names.length), true);
      this.names.push(name);
      entry += 4;
    }
    // Each table ends with a zero; that of data has nothing else.
    rom.setUint16(entry, 0, true);
    rom.setUint16(DATA_TABLE, entry, true);
  }

  call(number) {
    const { registers } = this.rp2040.core;
    const [a, b, c, d] = registers;
    const name = this.names[number];
    if (name === undefined) {
      throw new Error(`a breakpoint that is not the boot ROM's (${number})`);
    }
    const result = name === 'lookup' ? this.lookup(a, b) : FUNCTIONS[name](this, a, b, c, d);
    if (result !== undefined) {
      registers[0] = result;
    }
  }

  // The pointer that a table has for a code of two letters, or 0.
  lookup(table, code) {
    for (let entry = table; this.rp2040.readUint16(entry) !== 0; entry += 4) {
      if (this.rp2040.readUint16(entry) === code) {
        return this.rp2040.readUint16(entry + 2);
      }
    }
    return 0;
  }

  // From here on flash cannot be read.
  unmap() {
    this.serial = true;
    this.flushed = false;
    const { rp2040 } = this;
    for (const read of ['readUint8', 'readUint16', 'readUint32']) {
      const before = Object.getPrototypeOf(rp2040)[read];
      rp2040[read] = (address) => {
        if (address >>> 0 >= FLASH && address >>> 0 < FLASH_ALIASES_END) {
          this.mapAgain(address >>> 0);
        }
        return before.call(rp2040, address);
      };
    }
    // As the ROM leaves it.
    rp2040.peripherals[SSI].writeUint32(0x08, 0);
    rp2040.peripherals[SSI].writeUint32(0xf4, 0);
  }

  // Flash is read at an address: is it readable?
  mapAgain(address) {
    const ssi = this.rp2040.peripherals[SSI];
    const fast = ssi.readUint32(0x08) === 1 && ssi.readUint32(0xf4) >>> 24 === SSI_CONTINUES;
    if (!(this.flushed && (this.slow || fast))) {
      const pc = this.rp2040.core.PC.toString(16);
      throw new Error(`flash is read at ${address.toString(16)}, pc ${pc}, and is not in a mode in which it can be`);
    }
    this.map();
  }

  map() {
    this.serial = this.connected = this.slow = false;
    for (const read of ['readUint8', 'readUint16', 'readUint32']) {
      delete this.rp2040[read];
    }
  }

  // Checks a range of flash that is to change, and returns the bytes of it.
  changing(what, offset, count, unit) {
    const { core, flash } = this.rp2040;
    const range = `${what} of ${count} bytes at ${offset.toString(16)}`;
    if (!core.PM) {
      throw new Error(`${range}: interrupts are enabled`);
    }
    if (!this.serial) {
      throw new Error(`${range}: flash is not in its serial mode`);
    }
    if (offset % unit !== 0 || count % unit !== 0 || offset + count > FLASH_BYTES) {
      throw new Error(`${range}: not whole units of ${unit} in the flash`);
    }
    return flash.subarray(offset, offset + count);
  }

  // Does a change of a unit, unless power is cut in the middle of it. change(bytes) does so many of its bytes.
  change(unit, nanoseconds, change) {
    const { cut, torn = 0 } = this.options;
    const now = this.done === cut;
    this.done += 1;
    change(now ? Math.round(unit * torn) : unit);
    if (now) {
      throw new PowerCut();
    }
    this.rp2040.clock.tick(nanoseconds);
  }

  erase(offset, count) {
    const bytes = this.changing('erase', offset, count, SECTOR_BYTES);
    for (let sector = 0; sector < count; sector += SECTOR_BYTES) {
      this.change(SECTOR_BYTES, SECTOR_NANOSECONDS, (done) => bytes.fill(0xff, sector, sector + done));
    }
  }

  program(offset, data, count) {
    const bytes = this.changing('programming', offset, count, PAGE_BYTES);
    for (let page = 0; page < count; page += PAGE_BYTES) {
      this.change(PAGE_BYTES, PAGE_NANOSECONDS, (done) => {
        for (let index = page; index < page + done; index += 1) {
          bytes[index] &= this.rp2040.readUint8(data + index);
        }
      });
    }
  }

  copy(target, count, byte) {
    for (let index = 0; index < count; index += 1) {
      this.rp2040.writeUint8(target + index, byte(index));
    }
    return target;
  }

  // Writes the flash to the file.
  save() {
    if (this.options.file) {
      writeFileSync(this.options.file, this.rp2040.flash.subarray(0, FLASH_BYTES));
    }
  }
}

const copy = (rom, target, source, count) => rom.copy(target, count, (index) => rom.rp2040.readUint8(source + index));
const fill = (rom, target, value, count) => rom.copy(target, count, () => value & 0xff);

// By the code of two letters that the table has for each. What they return goes to r0.
const FUNCTIONS = {
  // connect_internal_flash
  IF(rom) {
    rom.connected = true;
  },
  // flash_exit_xip
  EX(rom) {
    if (!rom.connected) {
      throw new Error('flash is to leave its fast mode and is not connected');
    }
    rom.unmap();
  },
  // flash_range_erase
  RE(rom, offset, count) {
    rom.erase(offset, count);
  },
  // flash_range_program
  RP(rom, offset, data, count) {
    rom.program(offset, data, count);
  },
  // flash_flush_cache
  FC(rom) {
    rom.flushed = true;
  },
  // flash_enter_cmd_xip
  CX(rom) {
    rom.slow = true;
  },
  // memcpy, memcpy44, memset, memset4
  MC: copy,
  C4: copy,
  MS: fill,
  S4: fill,
  // reset_to_usb_boot
  UB(rom) {
    if (!rom.options.onBootLoader) {
      throw new Error('the program starts the boot loader');
    }
    rom.options.onBootLoader();
  },
};
