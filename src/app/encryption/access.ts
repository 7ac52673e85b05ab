import { emptyConfig, parseConfig, settings } from "../../core/config/config.ts";
import { EfsError } from "../../core/errors.ts";
import { parseRegion, type Region } from "../../core/ids.ts";
import { configuredRegion } from "../../core/location/target.ts";
import { quoted } from "../../core/text.ts";
import type { Environment } from "../../paths.ts";
import { readIfThere } from "../../system/files.ts";
import { Metadata } from "../../system/metadata.ts";
import type { ApiCaller } from "../aws/client.ts";
import { usesFips } from "../aws/fips.ts";

/** What the user says of whom to ask, and as whom. */
export interface AccessOptions {
  readonly region?: string | undefined;
  readonly profile?: string | undefined;
}

/** How a command calls AWS's APIs. */
export class ApiAccess {
  /** The region that the user names. */
  readonly chosenRegion: Region | undefined;
  readonly #profile: string | undefined;
  readonly #environment: Environment;
  readonly #values: ReturnType<typeof settings>;

  /** @throws EfsError (usage) for a region that is none, (config) for an error in the configuration file */
  constructor({ region, profile }: AccessOptions, config: string, environment: Environment) {
    this.chosenRegion = region === undefined ? undefined : requireRegion(region);
    this.#profile = profile;
    const text = readIfThere(config);
    this.#values = settings(text === undefined ? emptyConfig(config) : parseConfig(text, config));
    this.#environment = environment;
  }

  /**
   * The region to ask where nothing else tells it: as a mount finds it.
   *
   * @throws EfsError (config) where it is not known
   */
  async region(): Promise<Region> {
    const known = configuredRegion(this.chosenRegion, this.#environment, this.#values.region);
    if (known !== undefined) return known.region;
    const metadata = new Metadata({
      disableToken: this.#values.disable_fetch_ec2_metadata_token,
      environment: this.#environment,
    });
    const own = parseRegion((await metadata.region()) ?? "");
    if (own !== undefined) return own;
    throw new EfsError("config", "the region to ask is not known", {
      hint: "name it with --region, or set region in [mount] of efs-utils.conf or AWS_REGION",
    });
  }

  caller(region: Region): ApiCaller {
    const fips = usesFips(this.#values, this.#environment);
    return { region, profile: this.#profile, fips };
  }
}

/** @throws EfsError (usage) */
function requireRegion(text: string): Region {
  const region = parseRegion(text);
  if (region !== undefined) return region;
  throw new EfsError("usage", `${quoted(text)} is no region`, { hint: "give a region's name, as us-east-1" });
}
