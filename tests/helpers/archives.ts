import { crc32, deflateRawSync, gzipSync } from 'node:zlib';

/** A member of an archive made for a test, hostile ones included. */
export interface MadeMember {
  readonly path: string;
  readonly content?: string | Buffer;
  /** A symbolic link to this place. */
  readonly link?: string;
  /** What the archive says of its size, where that is a lie. */
  readonly claims?: number;
}

/** A tar.gz, block by block: no library would write the hostile ones. */
export function makeTarGz(members: readonly MadeMember[]): Buffer {
  const blocks = members.flatMap(({ path, content = '', link, claims }) => {
    const body = Buffer.from(content);
    const header = Buffer.alloc(512);
    // A path of more than 100 bytes is cut at a slash, as ustar has it.
    const cut = path.length > 100 ? path.indexOf('/', path.length - 101) : -1;
    header.write(path.slice(cut + 1), 0);
    if (cut >= 0) header.write(path.slice(0, cut), 345);
    header.write('0000644\0', 100);
    header.write('0000000\0'.repeat(2), 108);
    header.write(`${(claims ?? body.length).toString(8).padStart(11, '0')}\0`, 124);
    header.write('00000000000\0', 136);
    header.write('        ', 148);
    header.write(link === undefined ? '0' : '2', 156);
    header.write(link ?? '', 157);
    header.write('ustar\x0000', 257);
    const sum = header.reduce((a, b) => a + b, 0);
    header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
    return [header, body, Buffer.alloc((512 - (body.length % 512)) % 512)];
  });
  return gzipSync(Buffer.concat([...blocks, Buffer.alloc(1024)]));
}

/** A zip of deflated members. */
export function makeZip(members: readonly MadeMember[]): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let at = 0;
  for (const { path, content = '', link, claims } of members) {
    const body = Buffer.from(link ?? content);
    const packed = deflateRawSync(body);
    const name = Buffer.from(path);
    const shared = Buffer.alloc(26);
    shared.writeUInt16LE(20, 0);
    shared.writeUInt16LE(8, 4);
    shared.writeUInt32LE(crc32(body), 10);
    shared.writeUInt32LE(packed.length, 14);
    shared.writeUInt32LE(claims ?? body.length, 18);
    shared.writeUInt16LE(name.length, 22);
    const entry = Buffer.concat([Buffer.from('PK\x03\x04'), shared, name, packed]);
    const head = Buffer.alloc(46);
    head.write('PK\x01\x02', 0, 'latin1');
    head.writeUInt16LE(0x0314, 4);
    shared.copy(head, 6);
    head.writeUInt32LE(((link === undefined ? 0o100644 : 0o120777) << 16) >>> 0, 38);
    head.writeUInt32LE(at, 42);
    local.push(entry);
    central.push(head, name);
    at += entry.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06', 0, 'latin1');
  end.writeUInt16LE(members.length, 8);
  end.writeUInt16LE(members.length, 10);
  end.writeUInt32LE(directory.length, 12);
  end.writeUInt32LE(at, 16);
  return Buffer.concat([...local, directory, end]);
}
