import type { RouteRecordRaw } from 'vue-router'
import PromptView from './prompts/PromptView.vue'
import ResourceView from './resources/ResourceView.vue'
import TemplateView from './resources/TemplateView.vue'
import ServerView from './servers/ServerView.vue'
import WelcomeView from './servers/WelcomeView.vue'
import ToolView from './tools/ToolView.vue'

/** What the middle column can be. Everything is in one file: an open page must go on working while its host is away. */
export const routes: RouteRecordRaw[] = [
  { path: '/', name: 'welcome', component: WelcomeView },
  { path: '/servers/:server', name: 'server', component: ServerView },
  { path: '/servers/:server/tools/:name', name: 'tool', component: ToolView },
  { path: '/servers/:server/resources/:uri', name: 'resource', component: ResourceView },
  { path: '/servers/:server/templates/:uri', name: 'template', component: TemplateView },
  { path: '/servers/:server/prompts/:name', name: 'prompt', component: PromptView },
  { path: '/:rest(.*)*', redirect: '/' },
]
