import type { OwnerName } from '../../shared/name.ts';
import { exists, select, selectExact, type UsableRecord, VisitBudget } from '../zone/select.ts';
import type { Zone } from '../zone/zone.ts';
import { apexHome, type LookupContext, type LookupSettings, localName, zoneOf } from './settings.ts';
import type { Trail } from './trail.ts';

/** What a name selects, in key order. */
export interface Selection {
  readonly records: readonly UsableRecord[];
  /** The name that they stand at and below. */
  readonly at: OwnerName;
}

/** One question on its way through a lookup: what it may look at, and the trail of what it did. */
export class Inquiry {
  readonly settings: LookupSettings;
  readonly context: LookupContext;
  readonly trail: Trail;
  private readonly zone: Zone;
  private readonly budget = new VisitBudget();

  constructor(zone: Zone, settings: LookupSettings, context: LookupContext, trail: Trail) {
    this.zone = zone;
    this.settings = settings;
    this.context = context;
    this.trail = trail;
  }

  get revision(): bigint {
    return this.zone.revision;
  }

  select(name: OwnerName): UsableRecord[] {
    const at = this.standIn(name);
    this.trail.lookedAt(at);
    return select(this.zone, at, this.budget);
  }

  selectExact(name: OwnerName): UsableRecord[] {
    const at = this.standIn(name);
    this.trail.lookedAt(at);
    return selectExact(this.zone, at, this.budget);
  }

  /** For A and AAAA: the apex has its records at `apex.dns.<zone>`, since those below it are not its own. */
  selectAddresses(name: OwnerName): Selection {
    const { zones, legacyApex } = this.settings;
    if (zones.includes(name)) {
      const at = apexHome(name);
      const records = this.select(at);
      if (records.length > 0 || !legacyApex) return { records, at };
    }
    return { records: this.select(name), at: this.standIn(name) };
  }

  exists(name: OwnerName): boolean {
    const at = this.standIn(name);
    this.trail.lookedAt(at);
    return exists(this.zone, at, this.budget);
  }

  recordsWithAddress(address: string): UsableRecord[] {
    this.trail.lookedAtAddress(address);
    return this.zone.recordsWithAddress(address).filter((record): record is UsableRecord => record.facts !== undefined);
  }

  isOurs(name: OwnerName): boolean {
    return zoneOf(name, this.settings.zones) !== undefined;
  }

  /** The name whose records `name` answers with: itself, but `local.dns.<zone>` answers as the name that was configured. */
  standIn(name: OwnerName): OwnerName {
    const { local, zones } = this.settings;
    return local !== undefined && zones.some((zone) => name === localName(zone)) ? local : name;
  }
}
