// The part that we use of a package that brings no types. The full path, because Node has a
// deprecated module of its own under the short name.
declare module "punycode/punycode.js" {
  const punycode: { encode(label: string): string };
  export default punycode;
}
