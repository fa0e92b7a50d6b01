/**
 * fast-check, with the same inputs in each run: what fails once fails again, and nothing fails that was not touched.
 * `ROLLCALL_PROPERTY_SEED=n` tries others; a failure names its seed, and says what was wrong.
 */
import fc from 'fast-check';

fc.configureGlobal({
  ...fc.readConfigureGlobal(),
  seed: Number(process.env.ROLLCALL_PROPERTY_SEED ?? 1),
  includeErrorInReport: true,
});

export default fc;
