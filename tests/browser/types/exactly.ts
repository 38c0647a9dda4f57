type Equal<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;

/** Fails to compile unless the value has exactly this type. */
export function exactly<Wanted>() {
  return <Actual>(_value: Actual, ..._same: Equal<Actual, Wanted> extends true ? [] : [{ got: Actual; wanted: Wanted }]) => {};
}
