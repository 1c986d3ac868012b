import { createRouter, createWebHashHistory } from 'vue-router'

/**
 * The middle column is the route; the wire beside it keeps its own place in the query (`x` is the open exchange).
 * `main.ts` adds the routes, so that what navigates does not have to know every view.
 */
export const router = createRouter({ history: createWebHashHistory(), routes: [] })

// Opening an exchange changes the query only; going somewhere else keeps it open.
router.beforeEach((to, from) => {
  const keeps = to.params.server !== undefined && to.params.server === from.params.server
  if (!keeps || from.query.x === undefined || to.query.x !== undefined || to.path === from.path) return true
  return { ...to, query: { ...to.query, x: from.query.x } }
})
