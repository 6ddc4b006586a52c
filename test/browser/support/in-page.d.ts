/** The types of `in-page.js` for the tests, which know no document. */
export declare function listen(): void;
export declare function heard(): string;
export declare function focusedText(): string;
export declare function focusedId(): string;
export declare function layout(): { readonly width: number; readonly animations: number };
export declare function hide(hidden: boolean): void;
export declare function after(ms: number): Promise<void>;
export declare function faintTexts(): {
  readonly looked: number;
  readonly faint: readonly { readonly what: string; readonly ratio: number }[];
};
