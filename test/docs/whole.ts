/** Everything that a result can hold. */
export type Whole<T> = T extends Date | string | number | boolean
  ? T
  : T extends readonly (infer Item)[]
    ? readonly Whole<Item>[]
    : { [Key in keyof T]-?: Whole<Exclude<T[Key], undefined>> };
