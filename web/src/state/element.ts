import { onScopeDispose, ref, watch, type Ref } from 'vue'

type Element = Readonly<Ref<HTMLElement | null>>

/** The height of an element in pixels, as it changes. */
export const useElementHeight = (element: Element) => useSize(element, 'height')

/** The width of an element in pixels, as it changes. */
export const useElementWidth = (element: Element) => useSize(element, 'width')

function useSize(element: Element, side: 'width' | 'height'): Ref<number> {
  const size = ref(0)
  const observer = new ResizeObserver(([entry]) => (size.value = entry?.contentRect[side] ?? 0))
  watch(
    element,
    (now, before) => {
      if (before) observer.unobserve(before)
      if (now) observer.observe(now)
    },
    { immediate: true },
  )
  onScopeDispose(() => observer.disconnect())
  return size
}
