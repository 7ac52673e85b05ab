/** Put in by the build, from package.json. */
declare const PACKAGE_VERSION: string | undefined;

/** The version of this package; run from source, without a build, there is none. */
export const VERSION: string = typeof PACKAGE_VERSION === "undefined" ? "source" : PACKAGE_VERSION;
