import { inject, provide, type InjectionKey, type Ref } from 'vue'
import type { Schema } from '@/schema/resolve'
import type { Problems } from '@/schema/validate'

export interface FormContext {
  /** Prefix of every id in the form, so that two forms on one page do not share labels. */
  id: string
  /** Where `$ref` points into. */
  root: Ref<Schema>
  /** What to show as wrong, by JSON pointer. */
  problems: Ref<Problems>
}

const key: InjectionKey<FormContext> = Symbol('form')

export const provideForm = (context: FormContext) => provide(key, context)

export function useForm(): FormContext {
  const context = inject(key)
  if (!context) throw new Error('a form field outside of a SchemaForm')
  return context
}
