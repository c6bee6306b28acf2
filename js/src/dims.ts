import type { Expr } from "./data.js";

/** A value for each dim. */
export type Binding = ReadonlyMap<string, number>;

/** The value of `expr`; `//` and `%` round towards minus infinity. Throws where a dim is unbound. */
export function evaluate(expr: Expr, binding: Binding): number {
  if (typeof expr === "number") return expr;
  if (typeof expr === "string") {
    const value = binding.get(expr);
    if (value === undefined) throw new RangeError(`the dim ${expr} has no value`);
    return value;
  }
  const left = evaluate(expr[1], binding);
  const right = evaluate(expr[2], binding);
  switch (expr[0]) {
    case "+":
      return left + right;
    case "-":
      return left - right;
    case "*":
      return left * right;
    case "//":
      return Math.floor(left / right);
    case "%":
      return left - right * Math.floor(left / right);
    case "min":
      return Math.min(left, right);
    case "max":
      return Math.max(left, right);
    default:
      return expr[0] satisfies never;
  }
}

/** Whether all dims in `expr` have a value. */
export function isBound(expr: Expr, binding: Binding): boolean {
  if (typeof expr === "number") return true;
  if (typeof expr === "string") return binding.has(expr);
  return isBound(expr[1], binding) && isBound(expr[2], binding);
}

/** Evaluate each expression. */
export function evaluateAll(exprs: readonly Expr[], binding: Binding): number[] {
  return exprs.map((expr) => evaluate(expr, binding));
}

/** The sum of two expressions. */
export function add(left: Expr, right: Expr): Expr {
  if (typeof left === "number" && typeof right === "number") return left + right;
  if (left === 0) return right;
  return right === 0 ? left : ["+", left, right];
}

/** The product of two expressions. */
export function multiply(left: Expr, right: Expr): Expr {
  if (typeof left === "number" && typeof right === "number") return left * right;
  if (left === 1) return right;
  return right === 1 ? left : ["*", left, right];
}

/** Write a shape of expressions as people do: `1xseqx(seq * 2)`. */
export function formatExprs(exprs: readonly Expr[]): string {
  return exprs.map(formatExpr).join("x") || "scalar";
}

function formatExpr(expr: Expr): string {
  if (typeof expr !== "object") return String(expr);
  const [operator, left, right] = expr;
  return operator === "min" || operator === "max"
    ? `${operator}(${formatExpr(left)}, ${formatExpr(right)})`
    : `(${formatExpr(left)} ${operator} ${formatExpr(right)})`;
}
