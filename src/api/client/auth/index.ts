import { login, loginFlows } from './login.ts'
import { logout, logoutAll } from './logout.ts'
import { refresh } from './refresh.ts'
import { register, registerAvailable, registrationTokenValidity } from './register.ts'

/** Coming in and going out. */
export const authEndpoints = [login, loginFlows, logout, logoutAll, refresh, register, registerAvailable, registrationTokenValidity]
