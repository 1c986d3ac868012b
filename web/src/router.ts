import { createRouter, createWebHashHistory } from 'vue-router'
import PromptView from './prompts/PromptView.vue'
import ResourceView from './resources/ResourceView.vue'
import TemplateView from './resources/TemplateView.vue'
import ServerView from './servers/ServerView.vue'
import WelcomeView from './servers/WelcomeView.vue'
import ToolView from './tools/ToolView.vue'

/**
 * The middle column is the route; the wire beside it keeps its own place in the query (`x` is the open exchange).
 * Everything is in one file: a page that is open must go on working while its host is away.
 */
export const router = createRouter({
  history: createWebHashHistory(),
  routes: [
    { path: '/', name: 'welcome', component: WelcomeView },
    { path: '/servers/:server', name: 'server', component: ServerView },
    { path: '/servers/:server/tools/:name', name: 'tool', component: ToolView },
    { path: '/servers/:server/resources/:uri', name: 'resource', component: ResourceView },
    { path: '/servers/:server/templates/:uri', name: 'template', component: TemplateView },
    { path: '/servers/:server/prompts/:name', name: 'prompt', component: PromptView },
    { path: '/:rest(.*)*', redirect: '/' },
  ],
})

// Opening an exchange changes the query only; going somewhere else keeps it open.
router.beforeEach((to, from) => {
  const keeps = to.params.server !== undefined && to.params.server === from.params.server
  if (!keeps || from.query.x === undefined || to.query.x !== undefined || to.path === from.path) return true
  return { ...to, query: { ...to.query, x: from.query.x } }
})
